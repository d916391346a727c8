package outbound

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"testing"
)

func TestWH_01_AddressesOutsideThePublicInternetAreRefused(t *testing.T) {
	f := newFilter(nil)
	for _, text := range []string{
		"127.0.0.1", "127.255.255.254", "::1", "0.0.0.0", "0.1.2.3", "::",
		"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255",
		"169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00:ec2::254", "fc00::1", "100.100.100.200", "168.63.129.16",
		"192.0.0.192", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "192.88.99.1",
		"224.0.0.1", "239.255.255.255", "ff02::1", "240.0.0.1", "255.255.255.255",
		"64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "2002:7f00:1::", "2002:808:808::1",
		"2001::1", "2001:db8::1", "3fff::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
		"100::1", "fec0::1", "2606:4700::1%lo",
	} {
		if err := f.check(netip.MustParseAddr(text)); !errors.Is(err, ErrBlocked) {
			t.Errorf("%s: %v, want ErrBlocked", text, err)
		}
	}
	for _, text := range []string{"8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450::1"} {
		if err := f.check(netip.MustParseAddr(text)); err != nil {
			t.Errorf("%s: %v, want it to pass", text, err)
		}
	}
	if err := f.check(netip.Addr{}); !errors.Is(err, ErrBlocked) {
		t.Errorf("no address: %v, want ErrBlocked", err)
	}
}

func TestAnAllowedPrefixLetsPassNothingBesideIt(t *testing.T) {
	f := newFilter([]netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")})
	for text, want := range map[string]bool{
		"10.1.2.3": true, "::ffff:10.1.2.3": true, "10.2.0.1": false, "127.0.0.1": false, "64:ff9b::a01:203": false,
	} {
		if got := f.check(netip.MustParseAddr(text)) == nil; got != want {
			t.Errorf("%s passes: %v, want %v", text, got, want)
		}
	}
}

// FuzzAddressFilter holds the filter against what net/netip knows of an
// address, in every form that can carry an IPv4 address.
func FuzzAddressFilter(f *testing.F) {
	for _, text := range []string{"127.0.0.1", "8.8.8.8", "169.254.169.254", "::1", "2606:4700::1111", "fe80::1", "64:ff9b::1"} {
		f.Add(netip.MustParseAddr(text).AsSlice())
	}
	flt := newFilter(nil)
	f.Fuzz(func(t *testing.T, raw []byte) {
		addr, ok := netip.AddrFromSlice(raw)
		if !ok {
			return
		}
		passes := flt.check(addr) == nil
		if passes != (flt.check(addr.Unmap()) == nil) {
			t.Errorf("%s is judged differently when mapped", addr)
		}
		if passes && netipObjects(addr.Unmap()) {
			t.Errorf("%s passes, netip knows better", addr)
		}
		if addr.Is4() {
			for _, carrier := range carriers(addr.As4()) {
				if flt.check(carrier) == nil {
					t.Errorf("%s passes, carrying %s", carrier, addr)
				}
			}
		}
	})
}

func netipObjects(a netip.Addr) bool {
	return !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() ||
		a.IsMulticast() || a.IsInterfaceLocalMulticast() || a.IsUnspecified() || a.Zone() != ""
}

// carriers are the IPv6 forms that lead to an IPv4 address: compatible, NAT64
// and 6to4. The mapped form is judged as what it carries.
func carriers(v4 [4]byte) []netip.Addr {
	var compatible, nat64, sixToFour [16]byte
	copy(compatible[12:], v4[:])
	binary.BigEndian.PutUint32(nat64[:], 0x0064ff9b)
	copy(nat64[12:], v4[:])
	sixToFour[0], sixToFour[1] = 0x20, 0x02
	copy(sixToFour[2:], v4[:])
	return []netip.Addr{netip.AddrFrom16(compatible), netip.AddrFrom16(nat64), netip.AddrFrom16(sixToFour)}
}
