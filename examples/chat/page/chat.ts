/** The chat of one signed-in person on this page: what the backend and the gateway know, kept live. */
import {
  directConversation,
  peopleOf,
  type ChatSchema,
  type ChatState,
  type ConversationName,
  type Marks,
  type Notice,
  type Person,
  type Room,
} from '../shared/schema.ts';
import type { Api } from './api.ts';
import { Conversation } from './conversation.ts';
import { MarkReporter } from './model/mark-reporter.ts';
import { NoticeBoard } from './model/notice-board.ts';
import type { Received } from './model/timeline.ts';
import { followNotices, type NoticeFeedOwner } from './notice-feed.ts';
import {
  createClient,
  presence,
  UnauthorizedError,
  type Client,
  type Clock,
  type HubPresence,
} from './sdk.ts';

export interface ChatOwner extends NoticeFeedOwner {
  /** A message of somebody else came. */
  onMessage(conversation: Conversation, message: Received): void;
  /** For the user: something did not work. */
  onTrouble(sentence: string): void;
  /** The session is over. */
  onSignedOut(): void;
}

export interface ChatOptions {
  readonly api: Api;
  readonly state: ChatState;
  readonly clock: Clock;
  readonly owner: ChatOwner;
}

export class Chat {
  readonly notices = new NoticeBoard();
  readonly #options: ChatOptions;
  readonly #client: Client<ChatSchema>;
  readonly #everybody: HubPresence;
  readonly #reporter: MarkReporter;
  readonly #conversations = new Map<string, Conversation>();
  #state: ChatState;
  #isReloading = false;
  #mustReload = false;

  constructor(options: ChatOptions) {
    const { api, clock, owner, state } = options;
    this.#options = options;
    this.#state = state;
    this.#client = createClient<ChatSchema>({
      url: state.clientUrl,
      getToken: () => api.token(),
      backoffCapMs: 5000,
    });
    this.#everybody = presence(this.#client);
    this.#everybody.on('change', () => owner.onChange());
    this.#reporter = new MarkReporter({
      clock,
      report: async (name, marks) => {
        // Of a room that was left since, nobody wants to know.
        if (this.#conversations.has(name)) await api.mark(name, marks);
      },
    });
    this.notices.markRead(state.noticesRead);
    followNotices(this.#client, this.notices, owner);
    this.#follow(owner);
    this.#keepConversations();
  }

  get state(): ChatState {
    return this.#state;
  }

  get me(): Person {
    return this.#state.me;
  }

  get isConnected(): boolean {
    return this.#client.state === 'connected';
  }

  /** The id of the node that serves this page; undefined: none does at the moment. */
  get node(): string | undefined {
    return this.#client.connectionId?.split('-')[0];
  }

  /** Rooms of the user, in the order of their names. */
  get rooms(): readonly Room[] {
    return this.#state.rooms.filter(({ members }) => members.includes(this.me.id));
  }

  get friends(): readonly Person[] {
    return this.#state.people.filter(({ id }) => this.#state.friends.includes(id));
  }

  get isAdmin(): boolean {
    return this.#state.isAdmin;
  }

  /** As it was known last, while there is no connection. */
  isOnline(person: string): boolean {
    return this.#everybody.members.has(person);
  }

  conversation(name: string): Conversation | undefined {
    return this.#conversations.get(name);
  }

  get conversations(): readonly Conversation[] {
    return [...this.#conversations.values()];
  }

  person(id: string): Person {
    const { me, people } = this.#state;
    const unknown = { id, name: id, title: '' };
    return id === me.id ? me : (people.find((person) => person.id === id) ?? unknown);
  }

  room(name: string): Room | undefined {
    return this.#state.rooms.find(({ conversation }) => conversation === name);
  }

  /** Who else takes part. */
  othersIn(name: string): readonly Person[] {
    const ids = peopleOf(name) ?? this.room(name)?.members ?? [];
    return ids.filter((id) => id !== this.me.id).map((id) => this.person(id));
  }

  /** What somebody calls it. */
  titleOf(name: string): string {
    const [other] = peopleOf(name) === undefined ? [] : this.othersIn(name);
    return other?.name ?? this.room(name)?.name ?? name;
  }

  async befriend(person: string): Promise<void> {
    await this.#do(() => this.#options.api.befriend(person));
  }

  async joinRoom(name: string): Promise<void> {
    await this.#do(() => this.#options.api.joinRoom(name));
  }

  async leaveRoom(name: string): Promise<void> {
    await this.#do(() => this.#options.api.leaveRoom(name));
  }

  async subscribe(topic: string, isWanted: boolean): Promise<void> {
    await this.#do(() => this.#options.api.subscribe(topic, isWanted));
  }

  /** Resolves with true when it is on its way. */
  async notify(notice: Notice): Promise<boolean> {
    return this.#try(() => this.#options.api.notify(notice));
  }

  async markNoticesRead(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    this.notices.markRead(ids);
    this.#options.owner.onChange();
    await this.#try(() => this.#options.api.markNoticesRead(ids));
  }

  /** Tries to connect now instead of waiting. */
  reconnect(): void {
    this.#client.connect();
  }

  async signOut(): Promise<void> {
    this.close();
    await this.#try(() => this.#options.api.signOut());
  }

  close(): void {
    this.#reporter.close();
    this.#everybody.stop();
    for (const conversation of this.#conversations.values()) conversation.close();
    this.#client.close();
  }

  #follow(owner: ChatOwner): void {
    const client = this.#client;
    client.on('state', ({ reason }) => {
      if (reason === 'unauthorized') owner.onSignedOut();
      owner.onChange();
    });
    client.on('error', ({ code, message }) => {
      // All else the client tries again by itself; meanwhile the bar on top says so.
      if (code === 'refused') owner.onTrouble(message);
    });
    const sync = client.group(`sync.${this.me.id}`);
    sync.on('message', ({ data }) => {
      if (data.kind === 'state') void this.#reload();
      else this.notices.markRead(data.ids);
      owner.onChange();
    });
    sync.on('gap', () => void this.#reload());
  }

  /** Brings the state up to date; calls during a reload lead to one more. */
  async #reload(): Promise<void> {
    this.#mustReload = true;
    if (this.#isReloading) return;
    this.#isReloading = true;
    try {
      while (this.#mustReload) {
        this.#mustReload = false;
        this.#state = await this.#options.api.state();
        this.notices.markRead(this.#state.noticesRead);
        this.#keepConversations();
      }
    } catch (error) {
      // The next change, or the next connection, brings it.
      if (error instanceof UnauthorizedError) this.#options.owner.onSignedOut();
    } finally {
      this.#isReloading = false;
      this.#options.owner.onChange();
    }
  }

  /** Follows what the state has, and nothing else. */
  #keepConversations(): void {
    const { clock, owner } = this.#options;
    const wanted: readonly ConversationName[] = [
      ...this.rooms.map(({ conversation }) => conversation),
      ...this.friends.map(({ id }) => directConversation(this.me.id, id)),
    ];
    for (const [name, conversation] of this.#conversations) {
      if (wanted.some((each) => each === name)) continue;
      conversation.close();
      this.#conversations.delete(name);
    }
    for (const name of wanted) {
      const marks: Readonly<Record<string, Marks>> = this.#state.marks[name] ?? {};
      const known = this.#conversations.get(name);
      if (known !== undefined) known.hearMarks(marks);
      else {
        const conversation = new Conversation({
          name,
          me: this.me.id,
          client: this.#client,
          clock,
          marks,
          onChange: () => owner.onChange(),
          onMessage: (from, message) => owner.onMessage(from, message),
          onProgress: (from, progress) => this.#reporter.add(from.name, progress),
          onMarksMissed: () => void this.#reload(),
        });
        this.#conversations.set(name, conversation);
      }
    }
  }

  async #do(action: () => Promise<void>): Promise<void> {
    if (await this.#try(action)) await this.#reload();
  }

  async #try(action: () => Promise<void>): Promise<boolean> {
    const { owner } = this.#options;
    try {
      await action();
      return true;
    } catch (error) {
      if (error instanceof UnauthorizedError) owner.onSignedOut();
      else owner.onTrouble(error instanceof Error ? error.message : String(error));
      return false;
    }
  }
}
