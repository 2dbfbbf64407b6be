package config

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/presswork/presswork/tasks"
)

// ParseQueues reads "email=6,slack=2"; empty means every queue with its default weight.
func ParseQueues(text string) (map[string]int, error) {
	if strings.TrimSpace(text) == "" {
		return tasks.Queues(), nil
	}
	weights := make(map[string]int)
	for part := range strings.SplitSeq(text, ",") {
		name, value, found := strings.Cut(strings.TrimSpace(part), "=")
		weight := 1
		if found {
			var err error
			if weight, err = strconv.Atoi(value); err != nil || weight < 1 {
				return nil, fmt.Errorf("the weight of %q must be a whole number of at least 1", name)
			}
		}
		if _, known := tasks.Queues()[name]; !known {
			return nil, fmt.Errorf("no queue is called %q", name)
		}
		if _, again := weights[name]; again {
			return nil, fmt.Errorf("the queue %q is named twice", name)
		}
		weights[name] = weight
	}
	return weights, nil
}
