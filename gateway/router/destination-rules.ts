/** What the settings say of a destination: whether it is a stream, and what befalls slow members. */
import type { RetentionClass } from '../../backplanes/stream-store.ts';
import type { HubSettings, RetentionSettings, SlowConsumerPolicy } from '../config.ts';
import {
  parseDestinationPattern,
  type DestinationPattern,
} from '../protocol/destination-pattern.ts';
import type { Destination } from './ports.ts';

type Addressed = Exclude<Destination, { kind: 'connection' }>;

export interface TargetRules {
  /** undefined: it is no stream. */
  readonly retention: RetentionClass | undefined;
  readonly slowConsumer: SlowConsumerPolicy;
  /** `latest`: the metadata entry that holds the key. */
  readonly latestKey: string | undefined;
}

/** No stream; slow members are closed. */
export const plainRules: TargetRules = {
  retention: undefined,
  slowConsumer: 'disconnect',
  latestKey: undefined,
};

export interface DestinationSettings {
  readonly hubs: Readonly<Record<string, HubSettings>>;
  readonly retention?: Readonly<Record<string, RetentionSettings>> | undefined;
}

interface Rule<T> extends DestinationPattern {
  readonly value: T;
}

interface HubRules {
  readonly streams: readonly Rule<RetentionClass>[];
  readonly slow: readonly Rule<Pick<TargetRules, 'slowConsumer' | 'latestKey'>>[];
}

const noRules: HubRules = { streams: [], slow: [] };

export class DestinationRules {
  readonly #hubs = new Map<string, HubRules>();
  /** Every class that a rule uses. */
  readonly classes: readonly RetentionClass[];

  /** Settings are checked before: what names no class, or has no good pattern, matches nothing. */
  constructor({ hubs, retention = {} }: DestinationSettings) {
    const classes = new Map(
      Object.entries(retention).map(([name, { bytes, messages, seconds }]) => [
        name,
        { name, messagesMax: messages, ageMsMax: seconds * 1000, bytesMax: bytes },
      ]),
    );
    const used = new Set<RetentionClass>();
    for (const [hub, settings] of Object.entries(hubs)) {
      const streams = settings.streams.flatMap(({ match, retention: name }) => {
        const value = classes.get(name);
        if (value === undefined) return [];
        used.add(value);
        return ruleOf(match, value);
      });
      const slow = settings.slowConsumers.flatMap(({ key, match, policy }) =>
        ruleOf(match, { slowConsumer: policy, latestKey: key }),
      );
      this.#hubs.set(hub, { streams, slow });
    }
    this.classes = [...used];
  }

  /** The same object for equal rules wherever they are the plain ones. */
  for(hub: string, to: Addressed): TargetRules {
    const { slow, streams } = this.#hubs.get(hub) ?? this.#hubs.get('*') ?? noRules;
    if (slow.length === 0 && streams.length === 0) return plainRules;
    const retention = valueFor(streams, to);
    const slowRule = valueFor(slow, to);
    if (retention === undefined && slowRule === undefined) return plainRules;
    return { ...plainRules, ...slowRule, retention };
  }
}

function ruleOf<T>(match: string, value: T): Rule<T>[] {
  const parsed = parseDestinationPattern(match);
  return parsed === undefined ? [] : [{ ...parsed, value }];
}

function valueFor<T>(rules: readonly Rule<T>[], to: Addressed): T | undefined {
  return rules.find(
    ({ kind, pattern }) =>
      kind === to.kind && (to.kind === 'all' || pattern === undefined || pattern.matches(to.name)),
  )?.value;
}
