/** A client that publishes over a WebSocket, and sends again on the next one what it has no ack of. */
import { clientUrl, signClientToken } from '../../gateway/tokens/sign.ts';
import { ClientConnection, type ConnectionOwner, type GatewayFrame } from './client-connection.ts';
import { dataOf, type LossPublication, type LossPublisher } from './publication.ts';
import { hub, type Door } from './resuming-client.ts';

export interface SocketPublisherOptions {
  readonly name: string;
  readonly door: Door;
}

/** More wait for their turn: a broker that is away must not meet a storm of retries. */
const inFlightMax = 100;
const tickMs = 100;
const reconnectMsMax = 500;
const ackMsMax = 8000;
const retryMsMin = 100;
const retryMsMax = 2000;

export class SocketPublisher implements LossPublisher, ConnectionOwner {
  readonly name: string;
  readonly #door: Door;
  /** In the order in which they were due. */
  readonly #waiting = new Map<string, LossPublication>();
  /** Sent over the present connection, with the time. */
  readonly #sent = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #connection: ClientConnection | undefined;
  #isGreeted = false;
  #dialAtMs = 0;
  #isStopped = false;

  constructor({ door, name }: SocketPublisherOptions) {
    this.name = name;
    this.#door = door;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  get pending(): number {
    return this.#waiting.size;
  }

  publish(publication: LossPublication): void {
    this.#waiting.set(publication.id, publication);
    this.#send(publication);
  }

  stop(): void {
    this.#isStopped = true;
    clearInterval(this.#timer);
    this.#connection?.abandon('the end');
  }

  onFrame(_connection: ClientConnection, { event, type }: GatewayFrame): void {
    if (type === 'goaway') return this.#connection?.close();
    if (type !== 'system' || event !== 'connected') return;
    this.#isGreeted = true;
    this.#sendWaiting();
  }

  onClosed(): void {
    this.#connection = undefined;
    this.#isGreeted = false;
    this.#sent.clear();
    this.#dialAtMs = performance.now() + Math.random() * reconnectMsMax;
  }

  #tick(): void {
    const now = performance.now();
    if (this.#connection === undefined) {
      if (now >= this.#dialAtMs) this.#dial();
      return;
    }
    this.#connection.checkSilence();
    const [oldest = now] = this.#sent.values();
    if (now - oldest > ackMsMax) return this.#connection.abandon('an ack is missing');
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    for (const publication of this.#waiting.values()) {
      if (this.#sent.size >= inFlightMax) break;
      this.#send(publication);
    }
  }

  #dial(): void {
    const { accessKey, endpoint, urls } = this.#door;
    const [url = endpoint] = urls;
    const roles = ['webpubsub.sendToGroup'];
    const token = signClientToken({ accessKey, endpoint, hub, userId: this.name, roles });
    this.#connection = new ClientConnection({ url: clientUrl(url, hub, token), owner: this });
  }

  #send(publication: LossPublication): void {
    const { id, stream } = publication;
    if (!this.#isGreeted || this.#sent.has(id) || this.#sent.size >= inFlightMax) return;
    publication.attempts += 1;
    this.#sent.set(id, performance.now());
    const group = stream.slice('group:'.length);
    const data = dataOf(publication);
    this.#connection?.ask({ type: 'sendToGroup', group, id, dataType: 'json', data }, (ack) => {
      this.#acked(publication, ack);
    });
  }

  #acked(publication: LossPublication, { error, position, success }: GatewayFrame): void {
    const { id } = publication;
    if (success === true) {
      this.#sent.delete(id);
      this.#waiting.delete(id);
      publication.ackedAt = Date.now();
      publication.position = position;
      // Those behind it wait for a free place only while there is a backlog.
      if (this.#sent.size < this.#waiting.size) this.#sendWaiting();
      return;
    }
    publication.trouble = `${error?.name}: ${error?.message}`;
    // It stays in flight until it may be sent again.
    const connection = this.#connection;
    setTimeout(() => {
      if (this.#isStopped || this.#connection !== connection) return;
      this.#sent.delete(id);
      this.#send(publication);
    }, retryAfterMs(publication));
  }
}

function retryAfterMs({ attempts }: LossPublication): number {
  return Math.random() * Math.min(retryMsMin * 2 ** Math.min(attempts, 10), retryMsMax);
}
