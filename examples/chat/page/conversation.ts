/** One room or direct conversation as this page has it: messages, marks, and who writes. */
import {
  furthest,
  type ChatSchema,
  type ConversationName,
  type Marks,
  type Talk,
} from '../shared/schema.ts';
import { Timeline, type Entry, type Received } from './model/timeline.ts';
import { TypingTeller, TypingWatch } from './model/typing.ts';
import type { Client, Clock, Group, Message } from './sdk.ts';

export interface ConversationOptions {
  readonly name: ConversationName;
  readonly me: string;
  readonly client: Client<ChatSchema>;
  readonly clock: Clock;
  readonly marks: Readonly<Record<string, Marks>>;
  readonly onChange: () => void;
  /** A message of somebody else that was not here before. */
  readonly onMessage: (conversation: Conversation, message: Received) => void;
  /** How far this user has got. */
  readonly onProgress: (conversation: Conversation, marks: Marks) => void;
  /** Marks may have been missed: the backend has them. */
  readonly onMarksMissed: () => void;
}

const pageMessages = 30;
const typingTimeoutMs = 3000;
const retryMs = 2000;

export class Conversation {
  readonly timeline = new Timeline();
  readonly typing: TypingWatch;
  readonly teller: TypingTeller;
  readonly #options: ConversationOptions;
  readonly #talk: Group<Talk>;
  readonly #leave: () => void;
  #marks: Readonly<Record<string, Marks>>;
  #loading: 'no' | 'page' | 'older' = 'no';
  #isLoaded = false;
  #isClosed = false;
  #cancelRetry: () => void = () => undefined;

  constructor(options: ConversationOptions) {
    const { client, clock, name, onChange, onMarksMissed } = options;
    this.#options = options;
    this.#marks = options.marks;
    this.typing = new TypingWatch(clock, onChange);
    const typing = client.group(`typing.${name}`);
    typing.on('message', ({ data, fromUserId }) => {
      if (fromUserId !== undefined && fromUserId !== options.me) {
        this.typing.hear(fromUserId, data.isTyping);
      }
    });
    typing.on('gap', () => this.typing.clear());
    this.teller = new TypingTeller(clock, (isTyping) => {
      // What is said later would be wrong.
      if (client.state !== 'connected') return;
      const sent = typing.publish({ isTyping }, { noEcho: true, timeoutMs: typingTimeoutMs });
      // Nobody misses it: it is said again while the user writes.
      sent.catch(() => undefined);
    });
    const marks = client.group(`marks.${name}`);
    marks.on('message', ({ data }) => this.hearMarks({ [data.userId]: data.marks }));
    marks.on('gap', onMarksMissed);
    this.#talk = client.group(name);
    this.#follow();
    this.#leave = () => {
      for (const group of [this.#talk, typing, marks]) group.leave();
    };
  }

  get name(): ConversationName {
    return this.#options.name;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get isLoadingOlder(): boolean {
    return this.#loading === 'older';
  }

  /** By person. */
  get marks(): Readonly<Record<string, Marks>> {
    return this.#marks;
  }

  get unread(): number {
    const { me } = this.#options;
    return this.timeline.unreadBy(me, this.#marks[me]?.read);
  }

  get firstUnread(): Entry | undefined {
    const { me } = this.#options;
    return this.timeline.firstUnreadBy(me, this.#marks[me]?.read);
  }

  /** There may be more unread ones than are loaded. */
  get hasMoreUnread(): boolean {
    const { entries, hasOlder } = this.timeline;
    const { me } = this.#options;
    const first = entries.find(({ from }) => from !== me);
    return hasOlder && first !== undefined && first === this.firstUnread;
  }

  /** The user has the end of it before their eyes. */
  see(): void {
    const read = this.timeline.newest;
    if (read !== undefined) this.#progress({ read });
  }

  /** Resolves when it was sent, or is shown as failed. `key` is new, or that of one that failed. */
  async send(text: string, key: string, timeMs: number): Promise<void> {
    const { me, onChange } = this.#options;
    this.timeline.send({ key, from: me, text, timeMs });
    this.teller.stop();
    onChange();
    try {
      // With the same id it has one effect, and the key leads its echo to what is shown already.
      await this.#talk.publish({ text }, { id: key, metadata: { key } });
    } catch {
      this.timeline.fail(me, key);
      onChange();
    }
  }

  async loadOlder(): Promise<void> {
    if (this.#loading !== 'no' || !this.timeline.hasOlder) return;
    await this.#load('older');
  }

  /** Marks of others and of the user's other devices; they never go back. */
  hearMarks(marks: Readonly<Record<string, Marks>>): void {
    const next = { ...this.#marks };
    for (const [person, { delivered, read }] of Object.entries(marks)) {
      const known = next[person];
      next[person] = {
        delivered: furthest(known?.delivered, delivered),
        read: furthest(known?.read, read),
      };
    }
    this.#marks = next;
    this.#options.onChange();
  }

  close(): void {
    this.#isClosed = true;
    this.#cancelRetry();
    this.teller.drop();
    this.typing.clear();
    this.#leave();
  }

  #follow(): void {
    const talk = this.#talk;
    talk.on('message', (message) => this.#receive(message));
    // A page of history is read after the join, so nothing is between the two.
    talk.on('state', ({ state }) => {
      if (state === 'live' && !this.#isLoaded) void this.#load('page');
    });
    talk.on('gap', () => {
      this.timeline.restart();
      this.#isLoaded = false;
    });
  }

  async #load(what: 'page' | 'older'): Promise<void> {
    if (this.#loading !== 'no') return;
    const { clock, onChange } = this.#options;
    this.#loading = what;
    onChange();
    const before = what === 'older' ? this.timeline.oldest?.offset : undefined;
    const { restarts } = this.timeline;
    try {
      const page = await this.#talk.history({ limit: pageMessages, reverse: true, before });
      // A restart in the meantime makes older ones follow nothing.
      if (what === 'older' && restarts !== this.timeline.restarts) return;
      const messages = page.messages.flatMap((message) => receivedOf(message) ?? []);
      this.timeline.addPage(messages, page.hasMore);
      this.#isLoaded ||= what === 'page';
      this.#noteDelivered();
    } catch {
      // The retry below, or more scrolling, asks again.
    } finally {
      this.#loading = 'no';
      this.#cancelRetry();
      // Also after a gap that came while something else was loaded.
      if (!this.#isLoaded && !this.#isClosed) {
        this.#cancelRetry = clock.after(retryMs, () => void this.#load('page'));
      }
      onChange();
    }
  }

  #receive(message: Message<Talk>): void {
    const received = receivedOf(message);
    if (received === undefined || !this.timeline.add(received)) return;
    const { me, onChange, onMessage } = this.#options;
    if (received.from !== me) {
      this.typing.hear(received.from, false);
      this.#noteDelivered();
      onMessage(this, received);
    }
    onChange();
  }

  #noteDelivered(): void {
    const delivered = this.timeline.newestNotFrom(this.#options.me);
    if (delivered !== undefined) this.#progress({ delivered });
  }

  #progress(marks: Marks): void {
    const { me, onChange, onProgress } = this.#options;
    const known = this.#marks[me] ?? {};
    const next = {
      delivered: furthest(furthest(known.delivered, marks.delivered), marks.read),
      read: furthest(known.read, marks.read),
    };
    const isSame = (['delivered', 'read'] as const).every(
      (kind) =>
        next[kind]?.epoch === known[kind]?.epoch && next[kind]?.offset === known[kind]?.offset,
    );
    if (isSame) return;
    this.#marks = { ...this.#marks, [me]: next };
    onProgress(this, next);
    onChange();
  }
}

/** Undefined for what is no message of a person in a stream. */
function receivedOf(message: Message<Talk>): Received | undefined {
  const { data, fromUserId, id, metadata, position, time } = message;
  if (fromUserId === undefined || id === undefined || position === undefined) return undefined;
  const { epoch, offset } = position;
  return {
    id,
    key: metadata['key'],
    from: fromUserId,
    text: data.text,
    timeMs: time ?? 0,
    place: { epoch, offset },
  };
}
