package capacity

import "github.com/presswork/presswork/tasks"

// RenderQueue is where publications of a lane are rendered.
func RenderQueue(lane tasks.Lane) string { return tasks.Render{}.Queue(lane) }

// ExpandQueue is where audiences of a lane are expanded.
func ExpandQueue(lane tasks.Lane) string { return tasks.Personalize{}.Queue(lane) }

// SendQueue is where messages of a kind of channel and lane are sent; ok is false for a kind that this build does not know.
func SendQueue(kind string, lane tasks.Lane) (queue string, ok bool) {
	args, err := tasks.NewSend(kind, 0, 0)
	if err != nil {
		return "", false
	}
	return args.Queue(lane), true
}
