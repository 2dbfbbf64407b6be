package delivery

import "github.com/presswork/presswork/tasks"

// Backlog is what of a channel kind and lane is owed: batches, and the recipients in them.
type Backlog struct {
	Channel int16
	Lane    tasks.Lane
	// Behind was not nudged yet: the queue knows nothing of it.
	BehindBatches, BehindRecipients int64
	// Fed is in the queue, waiting for its time, or with a worker.
	FedBatches, FedRecipients int64
}
