/** What was published, and what its publishers were told of it. */
import type { Place } from './recording.ts';

/** One publication, from its intended time to its ack. */
export interface LossPublication {
  readonly id: string;
  /** `group:room.7` or `user:u12`. */
  readonly stream: string;
  /** When it was due, in ms since 1970: not when a publisher came to it. */
  readonly dueAt: number;
  /** Tries so far. */
  attempts: number;
  /** undefined: not acknowledged yet. */
  ackedAt?: number;
  position?: Place | undefined;
  /** The ack said that it was stored by an earlier try. */
  isDuplicate?: boolean;
  /** What the last try without an ack was told. */
  trouble?: string;
  /** Why it was given up: the gateway will never accept it. */
  refusal?: string;
}

/** What sends publications until they are acknowledged, or until it is stopped. */
export interface LossPublisher {
  readonly name: string;
  /** Publications without an ack. */
  readonly pending: number;
  publish(publication: LossPublication): void;
  /** Gives up what is pending. */
  stop(): void;
}

/** The text of a publication's data: its id, and something to be of an ordinary size. */
export function dataOf({ id, dueAt }: LossPublication): {
  readonly id: string;
  readonly dueAt: number;
  readonly text: string;
} {
  return { id, dueAt, text: 'x'.repeat(textLength) };
}

const textLength = 60;
