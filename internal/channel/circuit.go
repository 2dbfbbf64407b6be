package channel

import "time"

// CodeCircuitOpen is the code of the Wait error that keeps a batch from a provider that fails.
const CodeCircuitOpen = "circuit_open"

// CircuitState is what the circuit breaker of a channel lets through.
type CircuitState string

// The states of a circuit.
const (
	CircuitClosed   CircuitState = "closed"    // everything
	CircuitOpen     CircuitState = "open"      // nothing: the provider failed too often in a row
	CircuitHalfOpen CircuitState = "half_open" // one probe, in all processes together
)

// Circuit is the circuit breaker of a channel, as all processes share it.
type Circuit struct {
	State CircuitState
	// Failures are those in a row, while it is closed.
	Failures int
	// Reopens is when an open circuit lets a probe through; else the zero time.
	Reopens time.Time
}
