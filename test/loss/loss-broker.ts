/** What the loss test wants of a broker: durable, and killed without losing what it acknowledged. */
import type { Member } from '../../bench/cluster/member.ts';
import type { SeededRandom } from '../support/seeded-random.ts';

/** What a fault of a broker is given. */
export interface BrokerScene {
  readonly random: SeededRandom;
  /** The way to one of the broker's ports leads to another one from now on. */
  readonly redirect: (port: number, to: number) => void;
}

/** What only some brokers can suffer. */
export interface BrokerFault {
  readonly name: string;
  /** Resolves when it is over. */
  run(scene: BrokerScene): Promise<void>;
}

export interface LossBroker {
  /** Ports of its servers, each to be reached through a proxy where `isProxied`. */
  readonly ports: readonly number[];
  /** False: its servers tell clients where the others are, so a proxy would be passed by. */
  readonly isProxied: boolean;
  /** As TRUNKLINE_BACKPLANE takes it, for these ports instead of its own. */
  urlOf(ports: readonly number[]): string;
  readonly faults: readonly BrokerFault[];
  /** By these it loses what it has acknowledged. */
  readonly dataFaults: readonly BrokerFault[];
  start(): Promise<void>;
  /** Kills one of its servers as a crash does, and starts it with its data after `downMs`. */
  crash(random: SeededRandom, downMs: number): Promise<void>;
  stop(): Promise<void>;
}

/** Time in ms in which data comes that the broker will lose. */
export function timeToLose(random: SeededRandom): number {
  return lostMsMin + random.below(lostMsMax - lostMsMin);
}

const lostMsMin = 1500;
const lostMsMax = 3500;

/** Kills a server and starts it with what it has on disk. */
export async function crash(server: Member, downMs: number): Promise<void> {
  await server.kill();
  await new Promise((resolve) => setTimeout(resolve, downMs));
  await server.start();
}
