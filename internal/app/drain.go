package app

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"
)

// drainPoll is how often a draining worker is asked what it still has.
const drainPoll = 200 * time.Millisecond

// Drain tells the worker whose operators' listener is at url to take no new task, and waits until it works on none; say
// is told how many are left whenever that changed. It may be repeated. The worker goes on living: stop it then.
func Drain(ctx context.Context, url, key string, say func(left int)) error {
	last, method := -1, http.MethodPost
	for {
		left, err := drainCall(ctx, method, url+"/drain", key)
		if err != nil {
			return err
		}
		if left != last {
			say(left)
		}
		if left == 0 && method == http.MethodGet { // what it had just taken shows by now
			return nil
		}
		last, method = left, http.MethodGet
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d tasks are left: %w", left, ctx.Err())
		case <-time.After(drainPoll):
		}
	}
}

func drainCall(ctx context.Context, method, url, key string) (left int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, url, http.NoBody)
	if err != nil {
		return 0, fmt.Errorf("ask the worker: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, fmt.Errorf("ask the worker: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	switch {
	case response.StatusCode == http.StatusNotFound:
		return 0, fmt.Errorf("%s is no worker's", url)
	case response.StatusCode >= http.StatusMultipleChoices:
		return 0, fmt.Errorf("%s answered %s", url, response.Status)
	}
	var body struct {
		InFlight int `json:"in_flight"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return 0, fmt.Errorf("read the worker's answer: %w", err)
	}
	return body.InFlight, nil
}

// OwnOps is the operators' listener of a process with this environment, on this machine.
func OwnOps(listen string) (string, error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("PRESSWORK_OPS_LISTEN: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}
