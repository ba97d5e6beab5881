/**
 * The part of JetStream's JSON interface that streams need. Every request is answered by the leader
 * of what it asks about; nothing here reads a copy that may lag behind.
 */
import { headers } from '@nats-io/transport-node';
import { BackplaneUnavailableError, PublishOutcomeUnknownError } from '../../backplane.ts';
import type { Gate } from './gate.ts';
import { headerOf } from './headers.ts';
import { publicationId } from './message-id.ts';
import type { Requests } from './requests.ts';

/** The settings of a JetStream stream that we look at or set. Times in ns. */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string | undefined;
  readonly subjects: readonly string[];
  readonly storage: string;
  readonly discard: string;
  readonly max_age: number;
  readonly max_bytes: number;
  readonly max_msgs_per_subject: number;
  readonly duplicate_window: number;
  readonly num_replicas: number;
  readonly allow_direct?: boolean;
  readonly republish?: { readonly src: string; readonly dest: string } | undefined;
}

export interface StreamInfo {
  readonly config: StreamConfig;
  readonly created: string;
  /** Where it is not the only server. */
  readonly cluster?: { readonly leader?: string };
  readonly state: {
    readonly messages: number;
    /** One more than `last_seq` when nothing is stored; 0 when nothing ever was. */
    readonly first_seq: number;
    readonly last_seq: number;
    /** By subject, where it was asked for. */
    readonly subjects?: Readonly<Record<string, number>> | null;
  };
}

export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly id: string;
  readonly storedAtMs: number;
  readonly bytes: Uint8Array;
}

/** What the server has against a request. */
export interface Fault {
  readonly code: number;
  readonly errCode: number;
  readonly description: string;
}

/** Of `Fault.errCode`. */
export const faults = { noMessage: 10_037, nameInUse: 10_058, noStream: 10_059 } as const;

export type Outcome<T> = { readonly value: T } | { readonly fault: Fault };

interface WireMessage {
  readonly subject: string;
  readonly seq: number;
  readonly hdrs?: string;
  readonly data?: string;
  readonly time: string;
}

const noJetStream: Fault = {
  code: 503,
  errCode: 0,
  description:
    'no JetStream answers; start nats-server with -js, enable JetStream for this account, or wait ' +
    'until its cluster has a leader',
};

export class JetStreamApi {
  readonly #requests: Requests;
  readonly #gate: Gate;

  constructor(requests: Requests, gate: Gate) {
    this.#requests = requests;
    this.#gate = gate;
  }

  info(stream: string, withinMs?: number): Promise<Outcome<StreamInfo>> {
    return this.#call(`STREAM.INFO.${stream}`, undefined, streamInfoOf, withinMs);
  }

  /** With the number of the subject's messages. */
  infoOfSubject(stream: string, subject: string): Promise<Outcome<StreamInfo>> {
    return this.#call(`STREAM.INFO.${stream}`, { subjects_filter: subject }, streamInfoOf);
  }

  create(config: StreamConfig, withinMs: number): Promise<Outcome<StreamInfo>> {
    return this.#call(`STREAM.CREATE.${config.name}`, config, streamInfoOf, withinMs);
  }

  update(config: StreamConfig): Promise<Outcome<StreamInfo>> {
    return this.#call(`STREAM.UPDATE.${config.name}`, config, streamInfoOf);
  }

  /** The message at this sequence; undefined: it is not stored. */
  at(stream: string, sequence: number): Promise<StoredMessage | undefined> {
    return this.#get(stream, { seq: sequence });
  }

  /** The newest message on the subject; undefined: none is stored. */
  last(stream: string, subject: string): Promise<StoredMessage | undefined> {
    return this.#get(stream, { last_by_subj: subject });
  }

  /** The oldest message on the subject from this sequence on; undefined: none is stored. */
  next(stream: string, subject: string, from: number): Promise<StoredMessage | undefined> {
    return this.#get(stream, { seq: Math.max(1, from), next_by_subj: subject });
  }

  /** True: messages published here reach the stream. Stores nothing. */
  async isReached(stream: string, subject: string): Promise<boolean> {
    const question = { subject, bytes: new Uint8Array(), headers: headers() };
    // No stream has this name, so the one that gets the message refuses it.
    question.headers.set('Nats-Expected-Stream', `not ${stream}`);
    const { status } = await this.#requests.ask(question).catch(asUnavailable);
    return status === 0;
  }

  /** Removes what the subject has below this sequence. */
  purge(stream: string, subject: string, below: number): Promise<Outcome<true>> {
    const body = { filter: subject, seq: below };
    return this.#call(`STREAM.PURGE.${stream}`, body, () => true as const);
  }

  /** Makes a consumer that hands out the subject's messages on request; resolves with its name. */
  consumer(stream: string, subject: string, from: number): Promise<Outcome<string>> {
    const config = {
      deliver_policy: 'by_start_sequence',
      opt_start_seq: Math.max(1, from),
      filter_subject: subject,
      ack_policy: 'none',
      max_deliver: 1,
      mem_storage: true,
      num_replicas: 1,
      // In ns: should we never come to remove it.
      inactive_threshold: 10e9,
    };
    const body = { stream_name: stream, config };
    return this.#call(`CONSUMER.CREATE.${stream}`, body, ({ name }) => String(name));
  }

  dropConsumer(stream: string, consumer: string): Promise<Outcome<true>> {
    return this.#call(`CONSUMER.DELETE.${stream}.${consumer}`, undefined, () => true as const);
  }

  async #get(stream: string, body: object): Promise<StoredMessage | undefined> {
    const outcome = await this.#call(`STREAM.MSG.GET.${stream}`, body, storedMessageOf);
    if ('value' in outcome) return outcome.value;
    if (outcome.fault.errCode === faults.noMessage) return undefined;
    throw unavailable(`read from the stream ${stream}`, outcome.fault);
  }

  async #call<T>(
    verb: string,
    body: object | undefined,
    read: Read<T>,
    withinMs?: number,
  ): Promise<Outcome<T>> {
    const text = body === undefined ? '' : JSON.stringify(body);
    const answer = await this.#gate.pass(async () => {
      const question = { subject: `$JS.API.${verb}`, bytes: Buffer.from(text) };
      const { bytes, status } = await this.#requests.ask(question, withinMs).catch(asUnavailable);
      return status === 0 ? Buffer.from(bytes).toString() : undefined;
    });
    if (answer === undefined) return { fault: noJetStream };
    // The server wrote it: a JSON object that holds either an error or what `read` looks for.
    const fields = JSON.parse(answer) as Readonly<Record<string, unknown>>;
    const fault = faultOf(fields);
    return fault === undefined ? { value: read(fields) } : { fault };
  }
}

type Read<T> = (fields: Readonly<Record<string, unknown>>) => T;

/** An error that says what could not be done and why. */
export function unavailable(what: string, fault: Fault): BackplaneUnavailableError {
  return new BackplaneUnavailableError(`NATS could not ${what}: ${fault.description}`);
}

/** What the server has against it, in an answer of any kind. */
export function faultOf(fields: Readonly<Record<string, unknown>>): Fault | undefined {
  const { error } = fields;
  if (typeof error !== 'object' || error === null) return undefined;
  // Its members are compared with what is expected, or printed.
  const { code, description, err_code: errCode } = error as Readonly<Record<string, unknown>>;
  return {
    code: Number(code ?? 0),
    errCode: Number(errCode ?? 0),
    description: typeof description === 'string' ? description : 'no reason given',
  };
}

/** A read without an answer has no unknown outcome: it has not been read. */
function asUnavailable(error: unknown): never {
  if (!(error instanceof PublishOutcomeUnknownError)) throw error;
  throw new BackplaneUnavailableError(error.message, { cause: error });
}

function streamInfoOf(fields: Readonly<Record<string, unknown>>): StreamInfo {
  // JetStream's answer to requests about a stream, as its documentation has it.
  return fields as unknown as StreamInfo;
}

function storedMessageOf(fields: Readonly<Record<string, unknown>>): StoredMessage {
  // JetStream's answer to requests for a message, as its documentation has it.
  const { data = '', hdrs = '', seq, subject, time } = fields['message'] as WireMessage;
  const block = Buffer.from(hdrs, 'base64').toString('latin1');
  return {
    subject,
    sequence: checkedSequence(seq),
    id: publicationId(headerOf(block, 'Nats-Msg-Id') ?? ''),
    storedAtMs: Date.parse(time),
    bytes: Buffer.from(data, 'base64'),
  };
}

/** @throws BackplaneUnavailableError for numbers that are not exact any more. */
export function checkedSequence(sequence: number): number {
  if (Number.isSafeInteger(sequence) && sequence >= 0) return sequence;
  throw new BackplaneUnavailableError(`NATS answered with ${sequence} for a sequence`);
}
