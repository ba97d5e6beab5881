/**
 * A process of its own with many clients, told by its parent what to do. It ends with its parent:
 * the channel between them is what holds it.
 */
import { Recorder } from './recording.ts';
import { ResumingClient, type Door } from './resuming-client.ts';

export interface FarmSettings {
  readonly recording: string;
  readonly door: Door;
  readonly clients: readonly {
    readonly userId: string;
    readonly groups: readonly string[];
    readonly localAddress?: string;
  }[];
  /** Clients that are started in a second. */
  readonly startsPerSecond: number;
}

export type FarmOrder =
  | { readonly order: 'start'; readonly settings: FarmSettings }
  | { readonly order: 'pause'; readonly userIds: readonly string[]; readonly ms: number }
  | { readonly order: 'report' }
  | { readonly order: 'stop' };

export interface FarmReport {
  /** Clients that get everything just now. */
  readonly following: number;
  /** By stream and epoch, the lowest offset of all clients; the epoch is empty before the start. */
  readonly lowest: readonly (readonly [stream: string, epoch: string, offset: number])[];
  /** Longest time in ms that its event loop was late since the last report. */
  readonly lateMsMax: number;
}

export type FarmAnswer =
  { readonly answer: 'report'; readonly report: FarmReport } | { readonly answer: 'stopped' };

const tickMs = 100;
const nowhere = { epoch: '', offset: 0 };

class ClientFarm {
  readonly #recorder: Recorder;
  readonly #clients: ResumingClient[] = [];
  readonly #waiting: ResumingClient[];
  readonly #byUser: ReadonlyMap<string, ResumingClient>;
  readonly #startsPerTick: number;
  readonly #timer: NodeJS.Timeout;
  #tickedAtMs = performance.now();
  #lateMsMax = 0;

  constructor({ clients, door, recording, startsPerSecond }: FarmSettings) {
    const recorder = new Recorder(recording);
    this.#recorder = recorder;
    const all = clients.map(
      (one) => [one.userId, new ResumingClient({ ...one, door, recorder })] as const,
    );
    this.#byUser = new Map(all);
    this.#waiting = all.map(([, client]) => client);
    this.#startsPerTick = Math.max(1, Math.floor((startsPerSecond * tickMs) / 1000));
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  pause(userIds: readonly string[], ms: number): void {
    for (const userId of userIds) this.#byUser.get(userId)?.pause(ms);
  }

  report(): FarmReport {
    const lowest = new Map<string, readonly [stream: string, epoch: string, offset: number]>();
    for (const client of this.#clients) {
      for (const [stream, { epoch, offset } = nowhere] of client.places) {
        const key = `${stream} ${epoch}`;
        const known = lowest.get(key)?.[2] ?? offset;
        lowest.set(key, [stream, epoch, Math.min(offset, known)]);
      }
    }
    const lateMsMax = this.#lateMsMax;
    this.#lateMsMax = 0;
    const following = this.#clients.filter(({ isFollowing }) => isFollowing).length;
    return { following, lowest: [...lowest.values()], lateMsMax };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const client of this.#clients) client.stop();
    await this.#recorder.close();
  }

  #tick(): void {
    const now = performance.now();
    this.#lateMsMax = Math.max(this.#lateMsMax, now - this.#tickedAtMs - tickMs);
    this.#tickedAtMs = now;
    for (const client of this.#clients) client.tick();
    for (const client of this.#waiting.splice(0, this.#startsPerTick)) {
      this.#clients.push(client);
      client.start();
    }
  }
}

let farm: ClientFarm | undefined;

async function obey(order: FarmOrder): Promise<void> {
  switch (order.order) {
    case 'start':
      farm = new ClientFarm(order.settings);
      return;
    case 'pause':
      return farm?.pause(order.userIds, order.ms);
    case 'report':
      if (farm !== undefined) answer({ answer: 'report', report: farm.report() });
      return;
    case 'stop':
      await farm?.stop();
      answer({ answer: 'stopped' });
  }
}

function answer(message: FarmAnswer): void {
  process.send?.(message);
}

process.on('disconnect', () => process.exit());
// Ctrl-C is for the parent.
process.on('SIGINT', () => undefined);
process.on('message', (message) => {
  // Nobody else has the other end of the channel.
  void obey(message as FarmOrder);
});
