/** One retention class at the server: makes its JetStream stream, and knows which history it holds. */
import { BackplaneUnavailableError } from '../../backplane.ts';
import type { RetentionClass } from '../../stream-store.ts';
import {
  faults,
  unavailable,
  type JetStreamApi,
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
  /** True: only one server has it, so no copy can lag behind. */
  readonly isSingle: boolean;
}

const nsPerMs = 1e6;
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
    const outcome = await this.#options.api.info(this.names.stream, subject);
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
  #note({ config, created, state }: StreamInfo, known = this.#history): History {
    const history: History = {
      epoch: epochOf(this.names.stream, created),
      firstSequence: state.first_seq,
      lastSequence: state.last_seq,
      messagesMax: config.max_msgs_per_subject,
      raisedAt: raisedAt(config),
      isSingle: config.num_replicas === 1,
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
    let found = await api.info(wanted.name);
    if ('fault' in found && found.fault.errCode === faults.noStream) {
      found = await api.create(wanted);
      // Another node was faster, and its settings differ.
      if ('fault' in found && found.fault.errCode === faults.nameInUse) {
        found = await api.info(wanted.name);
      }
    }
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
