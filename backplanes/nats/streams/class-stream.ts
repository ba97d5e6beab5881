/** One retention class at the server: makes its JetStream stream, and knows which history it holds. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackplaneUnavailableError } from '../../backplane.ts';
import type { RetentionClass } from '../../stream-store.ts';
import {
  faults,
  unavailable,
  type JetStreamApi,
  type Outcome,
  type StreamConfig,
  type StreamInfo,
} from './api.ts';
import { classNames, epochOf, republishing, type ClassNames } from './names.ts';
import type { NatsStreamSettings } from './settings.ts';

export interface ClassStreamOptions {
  readonly api: JetStreamApi;
  readonly retention: RetentionClass;
  readonly settings: NatsStreamSettings;
  /** It is another history than before. */
  readonly onOtherHistory: (detail: string) => void;
}

/** What is known of the class's stream at one moment. */
export interface History {
  readonly epoch: string;
  readonly firstSequence: number;
  readonly lastSequence: number;
  readonly messagesMax: number;
  readonly raisedAt: number;
}

const nsPerMs = 1e6;
const reachPauseMs = 10;
const againPauseMs = 20;
/** Since which sequence a subject keeps as many messages as it does; in the description. */
const raisedPattern = /more kept from (\d+) on/;
/** What the server does without being asked, and what we set. */
const comparedNames = [
  'discard',
  'max_age',
  'max_bytes',
  'max_msgs_per_subject',
  'duplicate_window',
  'num_replicas',
] as const;

export class ClassStream {
  readonly names: ClassNames;
  readonly retention: RetentionClass;
  readonly #options: ClassStreamOptions;
  #made: Promise<void> | undefined;
  #history: History | undefined;
  #readAt = -Infinity;
  #reading: Promise<History> | undefined;
  /** The highest sequence that was heard of. */
  #highest = 0;
  #leader: string | undefined;
  /** True: the election of `#leader` has been heard of. */
  #isElectionKnown = false;

  constructor(options: ClassStreamOptions) {
    const { retention, settings } = options;
    this.#options = options;
    this.retention = retention;
    this.names = classNames(settings.prefix, retention.name, settings.publishesLive);
  }

  /**
   * Makes the stream, or changes it to what is wanted; once, until `forget`.
   * @throws BackplaneUnavailableError that says what the server has against it.
   */
  made(): Promise<void> {
    if (this.#made === undefined) {
      const making = this.#make();
      this.#made = making;
      making.catch(() => this.forget());
    }
    return this.#made;
  }

  /** It may be gone: look again before the next use. */
  forget(): void {
    this.#made = undefined;
    this.#readAt = -Infinity;
  }

  /** What the leader says now. @throws BackplaneUnavailableError */
  async read(): Promise<History> {
    await this.made();
    const known = this.#history;
    const outcome = await this.#options.api.info(this.names.stream);
    if ('value' in outcome) return this.#note(outcome.value, known);
    if (outcome.fault.errCode === faults.noStream) this.forget();
    throw unavailable(`read the stream ${this.names.stream}`, outcome.fault);
  }

  /** How many messages the subject has. @throws BackplaneUnavailableError */
  async count(subject: string): Promise<number> {
    const outcome = await this.#options.api.infoOfSubject(this.names.stream, subject);
    if ('value' in outcome) return outcome.value.state.subjects?.[subject] ?? 0;
    throw unavailable(`count the messages of ${this.names.stream}`, outcome.fault);
  }

  /**
   * The epoch that a sequence belongs to that was given just now. Looks at the server when the
   * sequence cannot follow what is known, and in the background from time to time.
   */
  async epochAt(sequence: number, isNew: boolean): Promise<string> {
    const wentBack = isNew && sequence <= this.#highest;
    if (isNew) this.#highest = Math.max(this.#highest, sequence);
    if (this.#history === undefined || wentBack) return (await this.read()).epoch;
    if (performance.now() - this.#readAt > this.#options.settings.refreshMs) this.#refresh();
    return this.#history.epoch;
  }

  /** A server was elected to lead it. True: after another one, or once more. */
  elected(leader: string): boolean {
    const isChange =
      this.#leader !== undefined && (this.#leader !== leader || this.#isElectionKnown);
    this.#leader = leader;
    this.#isElectionKnown = true;
    return isChange;
  }

  #refresh(): void {
    if (this.#reading !== undefined) return;
    const reading = this.read();
    this.#reading = reading;
    // Who needs it reads again and hears of the failure.
    reading
      .catch(() => undefined)
      .finally(() => {
        this.#reading = undefined;
      });
  }

  /** `known`: what was known when the server was asked; answers may overtake each other. */
  #note({ cluster, config, created, state }: StreamInfo, known = this.#history): History {
    this.#leader ??= cluster?.leader;
    const history: History = {
      epoch: epochOf(this.names.stream, created),
      firstSequence: state.first_seq,
      lastSequence: state.last_seq,
      messagesMax: config.max_msgs_per_subject,
      raisedAt: raisedAt(config),
    };
    this.#history = history;
    this.#readAt = performance.now();
    const isOther = known !== undefined && known.epoch !== history.epoch;
    if (isOther || (known !== undefined && history.lastSequence < known.lastSequence)) {
      this.#highest = history.lastSequence;
      this.#options.onOtherHistory(`the stream ${this.names.stream} has another history now`);
    }
    this.#highest = Math.max(this.#highest, history.lastSequence);
    return history;
  }

  async #make(): Promise<void> {
    const { api } = this.#options;
    const wanted = this.#wanted();
    const found = await this.#findOrCreate(wanted);
    if ('fault' in found) throw unavailable(`make the stream ${wanted.name}`, found.fault);
    const { config } = found.value;
    if (config.storage !== 'file') {
      throw new BackplaneUnavailableError(
        `The stream ${wanted.name} of NATS keeps its messages in memory (storage ` +
          `${config.storage}): delete it, so that it is made anew with files`,
      );
    }
    if (isAsWanted(config, wanted)) {
      this.#note(found.value);
      await this.#reach();
      return;
    }
    const isRaised = wanted.max_msgs_per_subject > config.max_msgs_per_subject;
    const since = isRaised ? found.value.state.last_seq : raisedAt(config);
    const changed = { ...config, ...wanted, description: this.#description(since) };
    const outcome = await api.update(changed);
    if ('fault' in outcome) {
      throw unavailable(
        `change the stream ${wanted.name} to the settings of the retention class ` +
          `${this.retention.name}; delete it (its history is lost) or set the class back`,
        outcome.fault,
      );
    }
    this.#note(outcome.value);
    await this.#reach();
  }

  /**
   * While a cluster makes a stream for another node, it leaves requests about it without an answer:
   * so each has a short time, and is made again.
   */
  async #findOrCreate(wanted: StreamConfig): Promise<Outcome<StreamInfo>> {
    const { api, settings } = this.#options;
    const deadline = performance.now() + settings.publishTimeoutMs / 2;
    const withinMs = settings.publishTimeoutMs / 8;
    for (;;) {
      try {
        const found = await api.info(wanted.name, withinMs);
        if ('value' in found || found.fault.errCode !== faults.noStream) return found;
        const made = await api.create(wanted, withinMs * 2);
        // Another node was faster, and its settings differ.
        if ('value' in made || made.fault.errCode !== faults.nameInUse) return made;
      } catch (error) {
        if (performance.now() > deadline) throw error;
      }
      // Without a connection the answer comes at once, and a new one needs the event loop.
      await sleep(againPauseMs);
    }
  }

  /** Other servers of a cluster hear of a new stream a little later. */
  async #reach(): Promise<void> {
    const { api, settings } = this.#options;
    const { root, stream } = this.names;
    const deadline = performance.now() + settings.publishTimeoutMs / 2;
    while (!(await api.isReached(stream, `${root}reached`))) {
      if (performance.now() > deadline) {
        throw new BackplaneUnavailableError(
          `The stream ${stream} of NATS takes no messages: it has no leader, or this account may ` +
            `not publish on ${this.names.pattern}`,
        );
      }
      await sleep(reachPauseMs);
    }
  }

  #wanted(): StreamConfig {
    const { retention, settings } = this.#options;
    const ageMs = retention.ageMsMax;
    return {
      name: this.names.stream,
      description: this.#description(0),
      subjects: [this.names.pattern],
      storage: 'file',
      discard: 'old',
      max_age: ageMs * nsPerMs,
      max_bytes: retention.bytesMax,
      max_msgs_per_subject: retention.messagesMax,
      duplicate_window: Math.min(ageMs, settings.dedupeMs) * nsPerMs,
      num_replicas: settings.replicas,
      allow_direct: true,
      republish: settings.publishesLive ? republishing(settings.prefix, this.names) : undefined,
    };
  }

  #description(since: number): string {
    const raised = since === 0 ? '' : `; more kept from ${since} on`;
    return `Streams of Trunkline, retention class ${this.retention.name}${raised}`;
  }
}

function raisedAt({ description = '' }: StreamConfig): number {
  return Number(raisedPattern.exec(description)?.[1] ?? 0);
}

function isAsWanted(found: StreamConfig, wanted: StreamConfig): boolean {
  return (
    comparedNames.every((name) => found[name] === wanted[name]) &&
    found.subjects.join(' ') === wanted.subjects.join(' ') &&
    found.republish?.src === wanted.republish?.src &&
    found.republish?.dest === wanted.republish?.dest
  );
}
