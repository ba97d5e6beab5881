/** The public entry of @trunkline/server. */
export { ServerConnection } from './connection.ts';
export type {
  CloseManyOptions,
  CloseOptions,
  ConnectionInfo,
  ListOptions,
  Permission,
} from './directory.ts';
export type { Environment, Fetch, FetchInit, FetchResponse } from './environment.ts';
export { TrunklineError, type ErrorCode, type OwnErrorCode } from './errors.ts';
export { ServerGroup } from './group.ts';
export type { HistoryOptions, HistoryPage, StreamInfo } from './history.ts';
export { ServerHub } from './hub.ts';
export type {
  BatchResult,
  DataType,
  ExcludingMessageOptions,
  FilteredMessageOptions,
  Message,
  MessageOptions,
  Published,
  PublishOptions,
} from './messages.ts';
export type { CallOptions, ServerOptions } from './options.ts';
export type { Position } from './position.ts';
export type { Presence, PresenceCounts, PresenceMember } from './presence.ts';
export type { AnyGroups, GroupNameOf, PayloadOf } from './schema.ts';
export {
  createServer,
  Server,
  type BatchMessage,
  type ClientRole,
  type ClientTokenOptions,
} from './server.ts';
export type { StandardSchema } from './standard-schema.ts';
export { ServerUser } from './user.ts';
