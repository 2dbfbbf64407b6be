package delivery

// States is every state, in the order of their numbers.
func States() []State {
	list := make([]State, len(stateNames))
	for n := range list {
		list[n] = State(n)
	}
	return list
}

// Reasons is every reason, in the order of their numbers; NoReason is none.
func Reasons() []Reason {
	list := make([]Reason, 0, len(reasonNames)-1)
	for n := 1; n < len(reasonNames); n++ {
		list = append(list, Reason(n))
	}
	return list
}
