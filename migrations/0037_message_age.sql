-- +goose Up
-- Who a message was for is removed by age.
CREATE INDEX message_age ON message (created_at);

-- +goose Down
DROP INDEX message_age;
