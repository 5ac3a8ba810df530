package fleet

import "io"

// What tests outside of this package look at.

const Silence = silence

func (s *Service) SetRandom(r io.Reader) { s.random = r }
