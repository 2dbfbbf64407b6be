-- +goose Up
-- After the delivery policy was changed, all that is held by it is looked at again, some at a time: this is after which delivery the
-- rest comes (publication, channel, reader); null: all were looked at.
ALTER TABLE delivery_policy ADD COLUMN reconsider bigint[];

-- +goose Down
ALTER TABLE delivery_policy DROP COLUMN reconsider;
