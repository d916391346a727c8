package policy

import (
	"bufio"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
)

// Regions tells the region of an address from a table that was read before: no
// question leaves the machine. The zero value knows none.
type Regions struct {
	blocks map[netip.Prefix]string
	// lengths are the lengths of the blocks, longest first, of IPv4 and IPv6.
	v4, v6 []int
}

// Bounds of a table of regions.
const (
	maxRegionBlocks = 2_000_000
	maxRegionLine   = 200 // bytes
)

// ParseRegions reads a table with one block on each line, "203.0.113.0/24,DE":
// a CIDR prefix and two capital letters. Further columns, empty lines and lines
// that begin with # are passed over. Of blocks that overlap the smallest
// counts. An error names the line and does not quote it.
func ParseRegions(from io.Reader) (*Regions, error) {
	r := &Regions{blocks: make(map[netip.Prefix]string)}
	codes := map[string]string{} // one copy of each
	lines := bufio.NewScanner(from)
	lines.Buffer(make([]byte, maxRegionLine), maxRegionLine)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		block, code, ok := regionLine(line)
		if !ok {
			return nil, fmt.Errorf("line %d of the table of regions is not a block and a region, such as 203.0.113.0/24,DE", n)
		}
		if len(r.blocks) == maxRegionBlocks {
			return nil, fmt.Errorf("the table of regions has more than %d blocks", maxRegionBlocks)
		}
		if _, known := codes[code]; !known {
			codes[code] = strings.Clone(code)
		}
		r.blocks[block] = codes[code]
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the table of regions: %w", err)
	}
	r.measure()
	return r, nil
}

func regionLine(line string) (netip.Prefix, string, bool) {
	text, rest, ok := strings.Cut(line, ",")
	code, _, _ := strings.Cut(rest, ",")
	block, err := netip.ParsePrefix(strings.TrimSpace(text))
	code = strings.TrimSpace(code)
	if !ok || err != nil || block.Addr().Is4In6() || !regionForm.MatchString(code) || code == Unknown {
		return netip.Prefix{}, "", false
	}
	return block.Masked(), code, true
}

func (r *Regions) measure() {
	seen := map[bool]map[int]bool{true: {}, false: {}}
	for block := range r.blocks {
		seen[block.Addr().Is4()][block.Bits()] = true
	}
	lengths := func(of map[int]bool) []int {
		var all []int
		for n := range of {
			all = append(all, n)
		}
		slices.Sort(all)
		slices.Reverse(all)
		return all
	}
	r.v4, r.v6 = lengths(seen[true]), lengths(seen[false])
}

// Of returns the region of an address, or empty where the table does not say.
func (r *Regions) Of(a netip.Addr) string {
	if r == nil || !a.IsValid() {
		return ""
	}
	a = a.Unmap().WithZone("")
	lengths := r.v6
	if a.Is4() {
		lengths = r.v4
	}
	for _, bits := range lengths {
		block, err := a.Prefix(bits)
		if err != nil {
			continue
		}
		if code, ok := r.blocks[block]; ok {
			return code
		}
	}
	return ""
}
