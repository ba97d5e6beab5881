/** Puts the sockets of all tabs through to connections: one for each identity. */
import type { Clock, SocketConstructor } from '../environment.ts';
import { resumeCode, type TabNote } from './notes.ts';
import { SharedConnection } from './shared-connection.ts';
import { TabPort, type Caller } from './tab-port.ts';
import { identityOf } from './token-claims.ts';

export interface SwitchboardOptions {
  readonly clock: Clock;
  readonly WebSocket: SocketConstructor;
  /** Calls back when the tab of this socket is dead; returns a function that ends that. */
  readonly watch: (socketId: string, onDead: () => void) => () => void;
  /** The last socket is gone. */
  readonly onEmpty: () => void;
}

/** A socket of a tab, and what serves it. */
interface Call {
  readonly port: TabPort;
  readonly connection: SharedConnection;
  readonly endWatch: () => void;
}

export class Switchboard {
  readonly #options: SwitchboardOptions;
  readonly #calls = new Map<string, Call>();
  readonly #connections = new Set<SharedConnection>();

  constructor(options: SwitchboardOptions) {
    this.#options = options;
  }

  /** True when no tab uses it. */
  get isEmpty(): boolean {
    return this.#calls.size === 0;
  }

  /** `caller` is the way back to the socket of the note. */
  receive(note: TabNote, caller: Caller): void {
    const call = this.#calls.get(note.id);
    if (note.kind === 'open') {
      if (call === undefined) this.#open(note.id, note.url, caller);
    } else if (call === undefined) {
      // It was closed from here, or opened at another one: its client must come back.
      if (note.kind === 'close') return;
      caller.post({ kind: 'close', code: resumeCode, reason: 'The socket is not open here' });
      caller.close();
    } else if (note.kind === 'text') call.connection.receive(call.port, note.text);
    else if (note.kind === 'read') call.port.noteRead(note.characters);
    else this.#drop(note.id);
  }

  /** Ends everything; the clients are to come back. */
  stop(reason: string): void {
    for (const { port } of this.#calls.values()) port.close(resumeCode, reason);
  }

  #open(id: string, url: string, caller: Caller): void {
    const { watch } = this.#options;
    const port = new TabPort({ caller, onClosed: () => this.#drop(id) });
    const connection = this.#connectionFor(url);
    const endWatch = watch(id, () => this.#drop(id));
    this.#calls.set(id, { port, connection, endWatch });
    caller.post({ kind: 'welcome' });
    connection.attach(port);
  }

  #connectionFor(url: string): SharedConnection {
    const identity = identityOf(url);
    for (const connection of this.#connections) {
      connection.checkSilence();
      if (connection.isFor(identity)) return connection;
    }
    const { clock, WebSocket } = this.#options;
    const connection = new SharedConnection({
      url,
      identity,
      WebSocket,
      clock,
      onOver: (over) => this.#connections.delete(over),
    });
    this.#connections.add(connection);
    return connection;
  }

  #drop(id: string): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.endWatch();
    call.port.drop();
    call.connection.detach(call.port);
    if (this.#calls.size === 0) this.#options.onEmpty();
  }
}
