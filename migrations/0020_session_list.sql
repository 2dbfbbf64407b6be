-- +goose Up
-- The in-flight list is written with every flush, some kilobytes of it, and was compressed each time, which took PostgreSQL
-- longer than the rest of writing it. Now it is only if the row would not fit on its page.
ALTER TABLE sender_session SET (toast_tuple_target = 8160);

-- +goose Down
ALTER TABLE sender_session RESET (toast_tuple_target);
