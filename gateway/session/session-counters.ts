/** What sessions count: plain numbers, read by telemetry when it is asked. */
import type { Command } from '../protocol/model.ts';

export interface SessionCounters {
  /** Connections accepted since the start. */
  opened: number;
  /** Connections open now. */
  open: number;
  /** Commands by kind. */
  readonly commands: Record<Command['kind'], number>;
  /** Replies to operations: done, refused, and recognised as done before. */
  acksSucceeded: number;
  acksFailed: number;
  acksDuplicate: number;
  /** Operations that failed without an ackId, or after their ack; nobody was told. */
  silentFailures: number;
  /** Heartbeats sent to clients. */
  heartbeats: number;
  /** New tokens taken on open connections. */
  tokensRefreshed: number;
  /** Connections closed because their token had expired. */
  tokensExpired: number;
  /** Upgrades refused by HTTP status. */
  readonly refusals: Map<number, number>;
  /** Connections closed by the gateway, by close code. */
  readonly closes: Map<number, number>;
}

export function newSessionCounters(): SessionCounters {
  return {
    opened: 0,
    open: 0,
    commands: {
      joinGroup: 0,
      leaveGroup: 0,
      resume: 0,
      history: 0,
      refreshToken: 0,
      watchPresence: 0,
      unwatchPresence: 0,
      setState: 0,
      sendToGroup: 0,
      event: 0,
      invoke: 0,
      cancelInvocation: 0,
      streamStart: 0,
      streamData: 0,
      streamEnd: 0,
      ping: 0,
      sequenceAck: 0,
    },
    acksSucceeded: 0,
    acksFailed: 0,
    acksDuplicate: 0,
    silentFailures: 0,
    heartbeats: 0,
    tokensRefreshed: 0,
    tokensExpired: 0,
    refusals: new Map(),
    closes: new Map(),
  };
}

export function count(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
