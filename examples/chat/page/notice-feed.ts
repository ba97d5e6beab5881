/** Brings notifications to the board: those that waited in the streams, then those that come. */
import type { ChatSchema, Notice } from '../shared/schema.ts';
import type { NoticeBoard, PostedNotice } from './model/notice-board.ts';
import type { Client, Message } from './sdk.ts';

export interface NoticeFeedOwner {
  onChange(): void;
  /** A notification came while the user is here. */
  onNotice(notice: PostedNotice): void;
  /** Notifications of the time before the user came. */
  onNoticesWaiting(count: number): void;
}

const noticesPerStream = 100;

/** As long as the client lives. */
export function followNotices(
  client: Client<ChatSchema>,
  board: NoticeBoard,
  owner: NoticeFeedOwner,
): void {
  const feed = new NoticeFeed(client, board, owner);
  // The client follows both by itself from the moment of its connection: nothing is in between.
  client.on('state', ({ state }) => {
    if (state === 'connected') feed.onConnected();
  });
  for (const channel of [client.user(), client.hub()]) {
    channel.on('message', (message) => feed.receive(message));
    channel.on('gap', () => feed.reload());
  }
}

class NoticeFeed {
  readonly #client: Client<ChatSchema>;
  readonly #board: NoticeBoard;
  readonly #owner: NoticeFeedOwner;
  #isLoaded = false;

  constructor(client: Client<ChatSchema>, board: NoticeBoard, owner: NoticeFeedOwner) {
    this.#client = client;
    this.#board = board;
    this.#owner = owner;
  }

  onConnected(): void {
    if (!this.#isLoaded) this.reload();
  }

  reload(): void {
    void this.#load();
  }

  async #load(): Promise<void> {
    this.#isLoaded = true;
    try {
      const options = { limit: noticesPerStream, reverse: true };
      const channels = [this.#client.user(), this.#client.hub()];
      const pages = await Promise.all(channels.map((channel) => channel.history(options)));
      const added = pages.flatMap(({ messages }) =>
        messages.filter(({ data, id, time }) => this.#board.add(id ?? '', time ?? 0, data)),
      );
      const ids = new Set(added.map(({ id }) => id));
      const waiting = this.#board.unread.filter(({ id }) => ids.has(id));
      if (waiting.length > 0) this.#owner.onNoticesWaiting(waiting.length);
    } catch {
      // The next connection asks again.
      this.#isLoaded = false;
    }
    this.#owner.onChange();
  }

  receive({ data, id, time }: Message<Notice>): void {
    if (id === undefined || !this.#board.add(id, time ?? 0, data)) return;
    const notice = this.#board.unread.find((each) => each.id === id);
    if (notice !== undefined) this.#owner.onNotice(notice);
    this.#owner.onChange();
  }
}
