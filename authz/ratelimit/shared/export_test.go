package shared

import "context"

// Look connects once and lets go again.
func (s *Server) Look(ctx context.Context) error {
	c, err := s.connect(ctx)
	if err == nil {
		c.Close()
	}
	return err
}
