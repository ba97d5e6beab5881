/** A group as a store that React can read: what a component shows of it, while it is mounted. */
import type { HistoryOptions } from '../channel.ts';
import type { Client } from '../client.ts';
import type { Group } from '../group.ts';
import type { Gap, HistoryPage, Message } from '../messages.ts';
import type { Published, PublishOptions } from '../publisher.ts';
import type { SubscriptionState } from '../subscription-states.ts';
import { Lease } from './lease.ts';
import { appended, prepended } from './message-list.ts';

export interface UseGroupOptions {
  /** Load so many of the retained messages first, and again after a gap; streams only. Default 0. */
  readonly history?: number | undefined;
  /** Keep the newest so many. Default 200. */
  readonly messagesMax?: number | undefined;
}

/** Never changed: what is new is another one. */
export interface GroupView<Payload = unknown> {
  readonly state: SubscriptionState;
  /** In order, each once, without a hole. After a gap it begins anew. */
  readonly messages: readonly Message<Payload>[];
  /** True while `history` is on its way, from before the join. */
  readonly isLoading: boolean;
  /** The last one, if there was any. */
  readonly gap: Gap | undefined;
  /** Why the history could not be loaded. */
  readonly error: Error | undefined;
}

/** In the sense of `useSyncExternalStore`. It is in the group while it has subscribers. */
export class GroupStore<Payload> {
  readonly #client: Client;
  readonly #name: string;
  readonly #historyMax: number;
  readonly #messagesMax: number;
  readonly #lease: Lease<{ readonly group: Group<Payload>; readonly end: () => void }>;
  readonly #listeners = new Set<() => void>();
  #mustLoad = false;
  /** The newest load; what an older one brings is not wanted. */
  #load: object | undefined;
  #view: GroupView<Payload>;

  constructor(client: Client, name: string, options: UseGroupOptions = {}) {
    const { history = 0, messagesMax = 200 } = options;
    this.#client = client;
    this.#name = name;
    this.#historyMax = history;
    this.#messagesMax = messagesMax;
    this.#view = this.#emptyView();
    this.#lease = new Lease(
      () => this.#join(),
      ({ end }) => end(),
    );
  }

  readonly subscribe = (onChange: () => void): (() => void) => {
    const release = this.#lease.use();
    this.#listeners.add(onChange);
    return () => {
      this.#listeners.delete(onChange);
      release();
    };
  };

  readonly getView = (): GroupView<Payload> => this.#view;

  /** As `Group.publish`. */
  readonly publish = (data: Payload, options?: PublishOptions): Promise<Published> =>
    this.#with((group) => group.publish(data, options));

  /** As `Group.history`. */
  readonly history = (options?: HistoryOptions): Promise<HistoryPage<Payload>> =>
    this.#with((group) => group.history(options));

  #emptyView(): GroupView<Payload> {
    const isLoading = this.#historyMax > 0;
    return { state: 'joining', messages: [], isLoading, gap: undefined, error: undefined };
  }

  /** The group that is held, or for a component that is not there any more one of its own. */
  async #with<Result>(act: (group: Group<Payload>) => Promise<Result>): Promise<Result> {
    const group = this.#group();
    try {
      return await act(group);
    } finally {
      group.leave();
    }
  }

  #group(): Group<Payload> {
    // The hook's caller says what the group carries.
    return this.#client.group(this.#name) as Group<Payload>;
  }

  #join(): { group: Group<Payload>; end: () => void } {
    const group = this.#group();
    const offs = [
      group.on('message', (message) =>
        this.#change({ messages: appended(this.#view.messages, message, this.#messagesMax) }),
      ),
      group.on('gap', (gap) => {
        this.#change({ gap, messages: [] });
        this.#loadHistory(group);
      }),
      group.on('state', () => this.#onState(group)),
    ];
    // Away for longer than a moment: what came meanwhile is not in the list.
    this.#view = this.#emptyView();
    this.#mustLoad = this.#historyMax > 0;
    this.#onState(group);
    const end = (): void => {
      this.#load = undefined;
      for (const off of offs) off();
      group.leave();
    };
    return { group, end };
  }

  #onState(group: Group<Payload>): void {
    const { state } = group;
    this.#change(state === 'left' ? { state, isLoading: false } : { state });
    // From before the join on there would be a hole.
    if (state === 'live' && this.#mustLoad) this.#loadHistory(group);
  }

  #loadHistory(group: Group<Payload>): void {
    this.#mustLoad = false;
    if (this.#historyMax === 0) return;
    const load = {};
    this.#load = load;
    this.#change({ isLoading: true });
    const show = (change: Partial<GroupView<Payload>>): void => {
      if (this.#load === load) this.#change({ isLoading: false, ...change });
    };
    group.history({ reverse: true, limit: this.#historyMax }).then(
      ({ messages }) =>
        show({
          error: undefined,
          messages: prepended(this.#view.messages, messages.toReversed(), this.#messagesMax),
        }),
      (error: unknown) =>
        show({ error: error instanceof Error ? error : new Error(String(error)) }),
    );
  }

  #change(change: Partial<GroupView<Payload>>): void {
    this.#view = { ...this.#view, ...change };
    for (const listener of this.#listeners) listener();
  }
}
