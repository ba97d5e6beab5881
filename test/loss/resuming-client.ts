/**
 * A client that loses nothing: it follows the positions of its streams over any number of
 * connections, comes back by itself, and writes down what its application sees.
 */
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { ClientConnection, type ConnectionOwner, type GatewayFrame } from './client-connection.ts';
import type { Place, Recorder } from './recording.ts';
import { StreamCursor } from './stream-cursor.ts';

export const hub = 'loss';

/** How clients come to the gateway. */
export interface Door {
  /** Base URL of what they connect to; tried in turn where there are several. */
  readonly urls: readonly string[];
  /** The endpoint that their tokens name. */
  readonly endpoint: string;
  readonly accessKey: string;
}

export interface ResumingClientOptions {
  readonly userId: string;
  readonly groups: readonly string[];
  readonly door: Door;
  readonly localAddress?: string | undefined;
  readonly recorder: Pick<Recorder, 'add'>;
}

const backoffMsMin = 50;
const backoffMsMax = 1000;
const retryMsMin = 100;
const retryMsMax = 500;
/** Of the time that a node gives; the rest is for the way. */
const leavingShare = 0.8;
const roles = ['webpubsub.joinLeaveGroup'];

/** One of its connections, and the streams that it follows over it. */
interface Attachment {
  readonly connection: ClientConnection;
  readonly live: Set<string>;
  /** Its node goes away. */
  isLeaving: boolean;
}

export class ResumingClient implements ConnectionOwner {
  readonly #options: ResumingClientOptions;
  readonly #cursors = new Map<string, StreamCursor>();
  readonly #userStream: string;
  readonly #timers = new Set<NodeJS.Timeout>();
  #attempts = 0;
  #dials = 0;
  #current: Attachment | undefined;
  /** Made before `#current` is left. */
  #next: Attachment | undefined;
  #isStopped = false;
  #isPaused = false;

  constructor(options: ResumingClientOptions) {
    this.#options = options;
    this.#userStream = `user:${options.userId}`;
    this.#cursors.set(this.#userStream, new StreamCursor());
    for (const group of options.groups) this.#cursors.set(`group:${group}`, new StreamCursor());
  }

  /** True while it gets everything. */
  get isFollowing(): boolean {
    return this.#current?.live.size === this.#cursors.size && !this.#isPaused;
  }

  /** Where it stands, by stream. */
  get places(): ReadonlyMap<string, Place | undefined> {
    return new Map([...this.#cursors].map(([stream, { place }]) => [stream, place]));
  }

  start(): void {
    this.#current = this.#dial();
  }

  /** Ends for good, and writes down where it stood. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    for (const [stream, { ignored, place }] of this.#cursors) {
      if (place === undefined) continue;
      this.#add({ is: 'end', stream, place, ignored });
    }
    this.#current?.connection.abandon('the end');
    this.#next?.connection.abandon('the end');
  }

  /** Stops reading for a while. */
  pause(ms: number): void {
    const attachment = this.#current;
    if (attachment === undefined || !attachment.connection.isOpen || this.#isPaused) return;
    this.#isPaused = true;
    this.#step('paused', `${ms} ms`);
    attachment.connection.pause();
    this.#after(ms, () => {
      this.#isPaused = false;
      attachment.connection.resume();
    });
  }

  /** Called a few times in a second. */
  tick(): void {
    this.#current?.connection.checkSilence();
    this.#next?.connection.checkSilence();
  }

  onFrame(connection: ClientConnection, frame: GatewayFrame): void {
    const attachment = this.#attachmentOf(connection);
    if (attachment === undefined) return;
    switch (frame.type) {
      case 'message':
      case 'skip':
        return this.#take(attachment, frame);
      case 'system':
        if (frame.event === 'connected') this.#greet(attachment, frame);
        return;
      case 'bookmark':
        return this.#lift(attachment, frame);
      case 'gap':
        return this.#gap(attachment, frame);
      case 'goaway':
        return this.#goAway(attachment, frame);
      default:
    }
  }

  onClosed(connection: ClientConnection, code: number, reason: string): void {
    const left = this.#attachmentOf(connection);
    if (left === undefined) return;
    this.#step('closed', `${code} ${reason}`);
    if (left === this.#next) {
      this.#next = undefined;
      this.#later(() => this.#leave());
      return;
    }
    // Where the next one is on its way, it is the only one now and goes on with what it does.
    this.#current = this.#next;
    this.#next = undefined;
    if (this.#current !== undefined) return;
    this.#later(() => {
      this.#current ??= this.#dial();
    });
  }

  /** Full jitter: a crowd that lost its node comes back spread. */
  #later(then: () => void): void {
    const boundMs = Math.min(backoffMsMax, backoffMsMin * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 10);
    this.#after(Math.random() * boundMs, then);
  }

  #dial(): Attachment {
    const { door, localAddress, userId } = this.#options;
    const { accessKey, endpoint, urls } = door;
    const url = urls[this.#dials % urls.length] ?? endpoint;
    this.#dials += 1;
    const token = signClientToken({ accessKey, endpoint, hub, userId, roles });
    const connection = new ClientConnection({
      url: clientUrl(url, hub, token),
      localAddress,
      owner: this,
    });
    return { connection, live: new Set(), isLeaving: false };
  }

  #greet(attachment: Attachment, { streams = [] }: GatewayFrame): void {
    this.#attempts = 0;
    this.#step('connected', '');
    const own = streams.find(({ to }) => to === 'user');
    if (own === undefined) return attachment.connection.abandon('the greeting has no user stream');
    const cursor = this.#cursors.get(this.#userStream);
    if (cursor?.place === undefined) {
      this.#begin(attachment, this.#userStream, own.position);
    } else {
      this.#resume(attachment, this.#userStream);
    }
    for (const group of this.#options.groups) this.#resume(attachment, `group:${group}`);
  }

  /** Asks for a stream from where the client stands; again, when the gateway cannot just now. */
  #resume(attachment: Attachment, stream: string): void {
    const since = this.#cursors.get(stream)?.place;
    const request =
      stream === this.#userStream
        ? { type: 'resume', to: 'user', since }
        : { type: 'joinGroup', group: stream.slice('group:'.length), since };
    attachment.connection.ask(request, (ack) => {
      if (ack.success !== true) {
        this.#step('refused', `${stream}: ${ack.error?.name} ${ack.error?.message}`);
        const ms = retryMsMin + Math.random() * (retryMsMax - retryMsMin);
        this.#after(ms, () => {
          if (this.#attachmentOf(attachment.connection) !== undefined) {
            this.#resume(attachment, stream);
          }
        });
        return;
      }
      this.#joined(attachment, stream, { ack, since });
    });
  }

  #joined(
    attachment: Attachment,
    stream: string,
    { ack, since }: { readonly ack: GatewayFrame; readonly since: Place | undefined },
  ): void {
    const { position, recovered } = ack;
    if (since === undefined) {
      if (position === undefined) attachment.connection.abandon(`${stream} has no position`);
      else this.#begin(attachment, stream, position);
      return;
    }
    this.#add({ is: 'resumed', stream, recovered: recovered === true });
    attachment.live.add(stream);
    if (recovered !== true) this.#told(stream, 'unrecovered', position);
    this.#promote();
  }

  #begin(attachment: Attachment, stream: string, place: Place): void {
    const cursor = this.#cursors.get(stream);
    if (cursor === undefined) return;
    cursor.place = place;
    this.#add({ is: 'start', stream, place });
    attachment.live.add(stream);
    this.#promote();
  }

  #take(attachment: Attachment, frame: GatewayFrame): void {
    const stream = this.#streamOf(frame);
    const cursor = this.#cursors.get(stream);
    const { data, offset, prev, tag } = frame;
    if (cursor === undefined || offset === undefined || tag === undefined) {
      return this.#step('unexpected', JSON.stringify(frame).slice(0, 300));
    }
    // While it is not answered, what comes of it comes again.
    if (!attachment.live.has(stream)) return;
    const { place } = cursor;
    const verdict = cursor.take({ offset, tag, ...(prev === undefined ? {} : { prev }) });
    if (verdict === 'next' && frame.type === 'message') {
      // The publishers of the test write nothing else.
      const { id } = data as { readonly id: string };
      this.#add({ is: 'message', stream, id, offset });
    }
    if (verdict !== 'hole' || place === undefined) return;
    this.#add({ is: 'hole', stream, place, prev: prev ?? 0, offset });
    attachment.live.delete(stream);
    this.#resume(attachment, stream);
  }

  #lift(attachment: Attachment, frame: GatewayFrame): void {
    const stream = this.#streamOf(frame);
    const { position } = frame;
    if (position === undefined || !attachment.live.has(stream)) return;
    this.#cursors.get(stream)?.lift(position);
  }

  #gap(attachment: Attachment, frame: GatewayFrame): void {
    const { reason = '', position } = frame;
    const stream = this.#streamOf(frame);
    // Live messages may be missing: this client waits for none.
    if (!this.#cursors.has(stream)) this.#step('gap', `${stream} ${reason}`);
    else if (attachment.live.has(stream)) this.#told(stream, reason, position);
  }

  #told(stream: string, why: string, to: Place | undefined): void {
    const cursor = this.#cursors.get(stream);
    if (cursor?.place === undefined) return;
    this.#add({ is: 'told', stream, why, from: cursor.place, to });
    if (to !== undefined) cursor.place = to;
  }

  /** Makes another connection before this one is left, at a time of its own choice. */
  #goAway(attachment: Attachment, { withinMs = 0 }: GatewayFrame): void {
    attachment.isLeaving = true;
    this.#step('goaway', `${withinMs} ms`);
    this.#after(Math.random() * withinMs * leavingShare, () => this.#leave());
  }

  #leave(): void {
    if (this.#current?.isLeaving === true) this.#next ??= this.#dial();
  }

  /** Leaves the old connection when the new one has everything. */
  #promote(): void {
    if (this.#next?.live.size !== this.#cursors.size) return;
    const left = this.#current;
    this.#current = this.#next;
    this.#next = undefined;
    left?.connection.close();
  }

  #attachmentOf(connection: ClientConnection): Attachment | undefined {
    return [this.#current, this.#next].find((each) => each?.connection === connection);
  }

  #streamOf({ group, to }: GatewayFrame): string {
    if (group !== undefined) return `group:${group}`;
    return to === 'user' ? this.#userStream : (to ?? 'live');
  }

  #step(step: string, detail: string): void {
    this.#add({ is: 'connection', step, detail });
  }

  #add(event: EventOf): void {
    this.#options.recorder.add({ ...event, client: this.#options.userId, at: Date.now() });
  }

  #after(ms: number, then: () => void): void {
    if (this.#isStopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      then();
    }, ms);
    this.#timers.add(timer);
  }
}

type Without<T> = T extends unknown ? Omit<T, 'client' | 'at'> : never;
type EventOf = Without<Parameters<Recorder['add']>[0]>;
