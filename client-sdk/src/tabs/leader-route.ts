/** The way of a tab's socket to the tab that leads. */
import { send, type NoteChannel, type TabsEnvironment } from './environment.ts';
import type { SwitchboardNote, TabNote } from './notes.ts';
import type { Route, RouteEvents } from './tab-socket.ts';

export interface LeaderRouteOptions {
  readonly opening: TabNote;
  readonly events: RouteEvents;
  readonly environment: TabsEnvironment;
  readonly openChannel: (...parts: readonly string[]) => NoteChannel;
  /** Nobody answers the opening. */
  readonly onUnanswered: () => void;
  readonly onClosed: () => void;
}

/** A leader that has not answered for so long is taken for frozen; some have more patience. */
const answerMsMin = 4000;
const answerMsMax = 6000;

export class LeaderRoute implements Route {
  readonly #options: LeaderRouteOptions;
  #toLeader: NoteChannel | undefined;
  #fromLeader: NoteChannel | undefined;
  #leaderId: string | undefined;
  #isWelcome = false;
  #isClosed = false;
  #cancelTimer: () => void = () => undefined;

  constructor(options: LeaderRouteOptions) {
    this.#options = options;
  }

  /** A leader is known: goes to it, or ends when it had gone to another one. */
  follow(leaderId: string | undefined): void {
    if (this.#isClosed) return;
    if (this.#isWelcome) return this.#options.events.onLost();
    this.#expectAnswer();
    if (leaderId === undefined) return;
    const { openChannel, opening } = this.#options;
    this.#closeChannels();
    this.#toLeader = openChannel('leader', leaderId);
    this.#fromLeader = openChannel('tab', opening.id, leaderId);
    this.#fromLeader.addEventListener('message', ({ data }) => {
      // The leader runs this version of the package.
      if (this.#leaderId === leaderId) this.#onNote(data as SwitchboardNote);
    });
    this.#leaderId = leaderId;
    send(this.#toLeader, opening);
  }

  /** The browser does not let this tab take part. */
  refuse(): void {
    if (!this.#isClosed) this.#options.events.onUnusable();
  }

  post(note: TabNote): void {
    if (this.#toLeader !== undefined) send(this.#toLeader, note);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#cancelTimer();
    this.#closeChannels();
    this.#options.onClosed();
  }

  #closeChannels(): void {
    this.#toLeader?.close();
    this.#fromLeader?.close();
  }

  #onNote(note: SwitchboardNote): void {
    if (this.#isClosed) return;
    if (note.kind === 'welcome') {
      this.#isWelcome = true;
      this.#cancelTimer();
    }
    this.#options.events.onNote(note);
  }

  #expectAnswer(): void {
    const { clock, random } = this.#options.environment;
    const patienceMs = answerMsMin + random() * (answerMsMax - answerMsMin);
    this.#cancelTimer();
    this.#cancelTimer = clock.after(patienceMs, () => {
      this.#expectAnswer();
      this.#options.onUnanswered();
    });
  }
}
