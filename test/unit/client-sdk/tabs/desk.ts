/** A switchboard with tabs that a test plays, and the gateway's side of its connections. */
import { Switchboard } from '../../../../client-sdk/src/tabs/switchboard.ts';
import type { SwitchboardNote } from '../../../../client-sdk/src/tabs/notes.ts';
import { FakeWorld, place, type FakeSocket, type Frame } from '../fakes.ts';

const address = 'wss://gateway.example/client/hubs/chat';

/** A token that nobody has signed: the switchboard only reads it. */
export function tokenWith(claims: Frame): string {
  const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
  return `header.${payload}.signature`;
}

/** A tab's socket, as the switchboard sees it. */
export class DeskTab {
  readonly id: string;
  readonly notes: SwitchboardNote[] = [];
  /** The browser says that the tab is dead. */
  die: () => void = () => undefined;
  isLeft = false;
  readonly #switchboard: Switchboard;
  #asked = 0;

  constructor(id: string, switchboard: Switchboard) {
    this.id = id;
    this.#switchboard = switchboard;
  }

  open(token: string): void {
    const url = `${address}?access_token=${token}`;
    this.#receive({ kind: 'open', id: this.id, url });
  }

  /** Returns the ackId. */
  ask(request: Frame): number {
    this.#asked += 1;
    this.tell({ ...request, ackId: this.#asked });
    return this.#asked;
  }

  tell(...requests: readonly Frame[]): void {
    const text = requests.map((request) => JSON.stringify(request)).join('\n');
    this.#receive({ kind: 'text', id: this.id, text });
  }

  read(characters: number): void {
    this.#receive({ kind: 'read', id: this.id, characters });
  }

  close(): void {
    this.#receive({ kind: 'close', id: this.id });
  }

  /** What was said to it, and not taken yet. */
  take(): Frame[] {
    const frames = this.notes.flatMap((note) =>
      note.kind === 'text' ? note.text.split('\n').map((line) => JSON.parse(line) as Frame) : [],
    );
    this.notes.splice(0);
    return frames;
  }

  /** The code with which it was closed. */
  get closedWith(): number | undefined {
    return this.notes.map((note) => (note.kind === 'close' ? note.code : undefined)).at(-1);
  }

  #receive(note: Parameters<Switchboard['receive']>[0]): void {
    this.#switchboard.receive(note, {
      post: (answer) => this.notes.push(answer),
      close: () => {
        this.isLeft = true;
      },
    });
  }
}

export class Desk {
  readonly world = new FakeWorld();
  readonly switchboard: Switchboard;
  readonly #deaths = new Map<string, () => void>();
  #tabs = 0;

  constructor() {
    this.switchboard = new Switchboard({
      clock: this.world.clock,
      WebSocket: this.world.environment.WebSocket,
      watch: (id, onDead) => {
        this.#deaths.set(id, onDead);
        return () => this.#deaths.delete(id);
      },
      onEmpty: () => undefined,
    });
  }

  get sockets(): readonly FakeSocket[] {
    return this.world.sockets;
  }

  /** The newest connection. */
  get socket(): FakeSocket {
    return this.world.socket;
  }

  /** Tabs whose deaths are waited for. */
  get watched(): number {
    return this.#deaths.size;
  }

  /** A tab of anna, unless the token says something else. */
  open(token = tokenWith({ sub: 'anna' })): DeskTab {
    this.#tabs += 1;
    const tab = new DeskTab(`tab${this.#tabs}`, this.switchboard);
    tab.die = () => this.#deaths.get(tab.id)?.();
    tab.open(token);
    return tab;
  }

  /** Tabs on one connection that was greeted; what they were told so far is taken. */
  async greeted(count: number, greeting: Frame = {}): Promise<DeskTab[]> {
    const tabs = Array.from({ length: count }, () => this.open());
    await this.world.clock.pass(0);
    this.socket.greet(greeting);
    for (const tab of tabs) tab.take();
    return tabs;
  }
}

/** A request to join `g`. */
export const join = (since?: Frame): Frame => ({
  type: 'joinGroup',
  group: 'g',
  ...(since && { since }),
});

/** Tabs that are in the group `g`. */
async function membersWith(count: number, ack: Frame) {
  const desk = new Desk();
  const tabs = await desk.greeted(count);
  const [first] = tabs;
  first?.ask(join());
  desk.socket.answer('joinGroup', ack);
  for (const tab of tabs.slice(1)) tab.ask(join());
  for (const tab of tabs) tab.take();
  return { desk, tabs, socket: desk.socket };
}

/** The group is a stream that ends at 5. */
export const joined = (count: number) => membersWith(count, { position: place(5) });
/** The group is no stream. */
export const live = (count: number) => membersWith(count, {});

/** Of the messages that the tab was sent, and are not taken yet. */
export const dataOf = (tab: DeskTab | undefined): unknown[] =>
  (tab?.take() ?? []).filter(({ type }) => type === 'message').map(({ data }) => data);
