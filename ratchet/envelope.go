package ratchet

// EnvelopeKind checks kind and size of an envelope; spec/ratchet.md#envelope-sizes.
// The only error is ErrMalformed.
func EnvelopeKind(env []byte) (Kind, error) {
	if len(env) > MaxEnvelope || len(env)&(len(env)-1) != 0 || len(env) < MinMessage {
		return 0, ErrMalformed
	}
	switch kind := Kind(env[0]); {
	case kind == KindMessage:
		return kind, nil
	case kind == KindInit && len(env) >= MinInit:
		return kind, nil
	}
	return 0, ErrMalformed
}

// messageSize is the size of a ratchet message, without what goes before it.
func messageSize(content int) int { return messageOverhead - 1 + content }

// envelopeSize is the smallest allowed size that holds n bytes, 0 for none.
func envelopeSize(n, smallest int) int {
	for size := smallest; size <= MaxEnvelope; size *= 2 {
		if n <= size {
			return size
		}
	}
	return 0
}
