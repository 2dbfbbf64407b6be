export { Client, type Options } from "./client.js";
export type { components, paths, webhooks } from "./generated/schema.js";
export type { Answer, Argument, Bytes, Common, ConditionalPath, Input, Item, ListPath, Method, Operation, PathOf, Reply } from "./operation.js";
export { type FieldError, NoAnswer, Problem, type ProblemBody } from "./problem.js";
export type { FollowOptions, Progress } from "./progress.js";
export { type EventOf, VerificationError, verify, type VerifyOptions, type WebhookEvent, type WebhookEventType, type WebhookHeaders } from "./webhook.js";
