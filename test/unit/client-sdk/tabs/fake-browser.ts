/** A browser with tabs that share locks, channels and a worker, and that crash or stop when told. */
import { createClient, type Client } from '../../../../client-sdk/src/client.ts';
import type { ClientOptions } from '../../../../client-sdk/src/options.ts';
import type {
  Locks,
  NoteChannel,
  TabsEnvironment,
  WorkerHandle,
} from '../../../../client-sdk/src/tabs/environment.ts';
import { sharedByTabs, type TabsOptions } from '../../../../client-sdk/src/tabs/index.ts';
import { hostWorker } from '../../../../client-sdk/src/tabs/worker-host.ts';
import { FakeSocket, type FakeWorld } from '../fakes.ts';

type Listener = (event: { readonly data: unknown }) => void;

/** What runs on its own: a tab, or the worker. */
export class FakeThread {
  readonly sockets: FakeSocket[] = [];
  readonly channels = new Set<FakeChannel>();
  readonly sleepers = new Set<() => void>();
  #backlog: (() => void)[] = [];
  #state: 'running' | 'stopped' | 'dead' = 'running';

  /** It is stopped, and something waits. */
  get isBehind(): boolean {
    return this.#backlog.length > 0;
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  /** Runs it in a turn of its own: later when the thread is stopped, never when it is dead. */
  run(task: () => void): void {
    queueMicrotask(() => {
      if (this.#state === 'running') task();
      else if (this.#state === 'stopped') this.#backlog.push(task);
    });
  }

  /** Nothing runs until `goOn`, and nobody is told. */
  stop(): void {
    this.#state = 'stopped';
  }

  goOn(): void {
    this.#state = 'running';
    for (const task of this.#backlog.splice(0)) this.run(task);
  }

  /** The browser freezes the page: it is told, and then stopped. */
  freeze(): void {
    for (const callback of this.sleepers) callback();
    this.stop();
  }

  /** Its sockets end, as the other side sees them; nothing in it runs any more. */
  kill(): void {
    this.#state = 'dead';
    for (const socket of this.sockets) socket.isOver = true;
  }
}

class FakeChannel implements NoteChannel {
  readonly #owner: FakeThread;
  readonly #listeners: Listener[] = [];
  /** Where what is posted arrives. */
  readonly peers: () => Iterable<FakeChannel>;
  isClosed = false;

  constructor(owner: FakeThread, peers: () => Iterable<FakeChannel>) {
    this.#owner = owner;
    this.peers = peers;
    owner.channels.add(this);
  }

  addEventListener(_type: 'message', listener: Listener): void {
    this.#listeners.push(listener);
  }

  postMessage(note: unknown): void {
    if (this.isClosed || this.#owner.isDead) return;
    // As a browser clones it.
    const data = structuredClone(note);
    for (const peer of this.peers()) if (peer !== this) peer.#take(data);
  }

  close(): void {
    this.isClosed = true;
  }

  #take(data: unknown): void {
    this.#owner.run(() => {
      if (!this.isClosed) for (const listener of this.#listeners) listener({ data });
    });
  }
}

interface LockRequest {
  readonly owner: FakeThread;
  readonly callback: () => Promise<void>;
  readonly resolve: () => void;
  readonly reject: (reason: Error) => void;
}

export interface FakeBrowserOptions {
  /** Default true. */
  readonly hasLocks?: boolean;
  readonly hasWorkers?: boolean;
}

export class FakeBrowser {
  readonly #world: FakeWorld;
  readonly #options: FakeBrowserOptions;
  readonly #channels = new Map<string, Set<FakeChannel>>();
  readonly #locks = new Map<string, LockRequest[]>();
  #worker: { thread: FakeThread; connect: (port: NoteChannel) => void } | undefined;
  /** Scripts that the browser finds. */
  readonly scripts = new Set(['/worker.js']);

  constructor(world: FakeWorld, options: FakeBrowserOptions = {}) {
    this.#world = world;
    this.#options = options;
  }

  /** Of the worker; undefined: none was started. */
  get worker(): FakeThread | undefined {
    return this.#worker?.thread;
  }

  /** Locks that are held or waited for. */
  get lockCount(): number {
    return [...this.#locks.values()].reduce((sum, { length }) => sum + length, 0);
  }

  /** Channels that are open in threads that live. */
  get channelCount(): number {
    const all = [...this.#channels.values()].flatMap((channels) => [...channels]);
    return all.filter((channel) => !channel.isClosed).length;
  }

  open(): FakeTab {
    return new FakeTab(this.#world, this, new FakeThread());
  }

  /** The browser takes everything from a thread that is dead. */
  kill(thread: FakeThread): void {
    thread.kill();
    for (const channel of thread.channels) channel.isClosed = true;
    if (this.#worker?.thread === thread) this.#worker = undefined;
    for (const [name, requests] of this.#locks) {
      const [holder] = requests;
      this.#locks.set(
        name,
        requests.filter(({ owner }) => owner !== thread),
      );
      if (holder?.owner === thread) this.#grant(name);
    }
  }

  environmentOf(thread: FakeThread): TabsEnvironment {
    const { clock, environment } = this.#world;
    const { hasLocks = true, hasWorkers = true } = this.#options;
    const sockets = this.#world.sockets;
    return {
      clock: {
        nowMs: () => clock.nowMs(),
        after: (delayMs, callback) => {
          let isOver = false;
          const cancel = clock.after(delayMs, () =>
            thread.run(() => {
              if (!isOver) callback();
            }),
          );
          return () => {
            isOver = true;
            cancel();
          };
        },
      },
      wallMs: () => clock.nowMs(),
      random: () => environment.random(),
      randomId: () => environment.randomId(),
      WebSocket: class extends FakeSocket {
        constructor(url: string) {
          super(url);
          sockets.push(this);
          thread.sockets.push(this);
        }
      },
      locks: hasLocks ? this.#locksOf(thread) : undefined,
      openChannel: (name) => this.#openChannel(thread, name),
      openWorker: hasWorkers ? (url) => this.#openWorker(thread, url) : undefined,
      onSleep: (callback) => {
        thread.sleepers.add(callback);
        return () => thread.sleepers.delete(callback);
      },
    };
  }

  #openChannel(owner: FakeThread, name: string): NoteChannel {
    const channels = this.#channels.get(name) ?? new Set();
    this.#channels.set(name, channels);
    const channel = new FakeChannel(owner, () => channels);
    channels.add(channel);
    return channel;
  }

  #openWorker(owner: FakeThread, url: string): WorkerHandle {
    const pair: FakeChannel[] = [];
    const port = new FakeChannel(owner, () => pair);
    const isThere = this.scripts.has(url);
    if (isThere) {
      this.#worker ??= this.#startWorker();
      const { connect, thread } = this.#worker;
      const other = new FakeChannel(thread, () => pair);
      pair.push(port, other);
      connect(other);
    }
    return {
      port,
      addEventListener: (_type, listener) => {
        if (!isThere) owner.run(listener);
      },
    };
  }

  #startWorker(): { thread: FakeThread; connect: (port: NoteChannel) => void } {
    const thread = new FakeThread();
    let connect: (port: NoteChannel) => void = () => undefined;
    const scope = {
      addEventListener: (
        _type: 'connect',
        listener: (event: { readonly ports: readonly NoteChannel[] }) => void,
      ) => {
        connect = (port) => listener({ ports: [port] });
      },
    };
    hostWorker(scope, this.environmentOf(thread));
    return { thread, connect };
  }

  #locksOf(owner: FakeThread): Locks {
    return {
      request: (name, { signal, steal = false }, callback) =>
        new Promise<void>((resolve, reject) => {
          if (owner.isDead) return;
          const requests = this.#locks.get(name) ?? [];
          const request: LockRequest = { owner, callback, resolve, reject };
          const abort = new DOMException('The request was aborted', 'AbortError');
          if (steal) {
            const stolen = requests.shift();
            if (stolen !== undefined) stolen.owner.run(() => stolen.reject(abort));
            requests.unshift(request);
          } else requests.push(request);
          this.#locks.set(name, requests);
          signal?.addEventListener('abort', () => {
            const at = (this.#locks.get(name) ?? []).indexOf(request);
            // The first one holds it: nothing to abort.
            if (at <= 0) return;
            this.#locks.get(name)?.splice(at, 1);
            reject(abort);
          });
          if (steal || requests.length === 1) this.#grant(name);
        }),
    };
  }

  /** Gives the lock to the first who asked. */
  #grant(name: string): void {
    const [request] = this.#locks.get(name) ?? [];
    if (request === undefined) return;
    const release = (): void => {
      const requests = this.#locks.get(name) ?? [];
      if (requests[0] !== request) return;
      requests.shift();
      this.#grant(name);
    };
    request.owner.run(() => {
      request.callback().then(
        () => {
          release();
          request.resolve();
        },
        (error: unknown) => request.reject(error instanceof Error ? error : new Error('failed')),
      );
    });
  }
}

/** A page in the browser. */
export class FakeTab {
  readonly thread: FakeThread;
  readonly #world: FakeWorld;
  readonly #browser: FakeBrowser;
  readonly environment: TabsEnvironment;

  constructor(world: FakeWorld, browser: FakeBrowser, thread: FakeThread) {
    this.#world = world;
    this.#browser = browser;
    this.thread = thread;
    this.environment = browser.environmentOf(thread);
  }

  client(tabs: TabsOptions = {}, options: Partial<ClientOptions> = {}): Client {
    const { environment } = this;
    return createClient({
      url: 'wss://gateway.example/client/hubs/chat',
      getToken: ({ reason }) => {
        this.#world.reasons.push(reason);
        return this.#world.token();
      },
      environment: { ...this.#world.environment, clock: environment.clock },
      WebSocket: sharedByTabs({ ...tabs, environment: { ...environment, ...tabs.environment } }),
      ...options,
    });
  }

  /** It is gone without a word. */
  crash(): void {
    this.#browser.kill(this.thread);
  }
}
