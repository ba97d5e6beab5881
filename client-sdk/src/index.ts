/** The public entry of @trunkline/client. */
export { Channel, type ChannelEvents, type HistoryOptions } from './channel.ts';
export { Client, createClient, type ClientEvents, type GroupOptions } from './client.ts';
export type { Codec } from './codec.ts';
export type { ConnectionChange } from './connection.ts';
export type { ConnectionReason, ConnectionState } from './connection-states.ts';
export type {
  Clock,
  Environment,
  SocketConstructor,
  SocketLike,
  WakeReason,
} from './environment.ts';
export { TrunklineError, UnauthorizedError, type ErrorCode } from './errors.ts';
export type { EventOptions } from './event-sender.ts';
export { Group } from './group.ts';
export type { Gap, GapReason, HistoryPage, Message } from './messages.ts';
export type { ClientOptions } from './options.ts';
export type { RequestOptions } from './outbox.ts';
export type { Published, PublishOptions } from './publisher.ts';
export type { AnyGroups, GroupNameOf, PayloadOf } from './schema.ts';
export type { StandardSchema } from './standard-schema.ts';
export type { SubscriptionChange } from './subscription.ts';
export type { SubscriptionReason, SubscriptionState } from './subscription-states.ts';
export type { GetToken, TokenReason } from './tokens.ts';
export type { ClientFrame, DataType, GatewayFrame, Position } from './wire.ts';
