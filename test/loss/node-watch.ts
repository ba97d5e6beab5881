/** What nodes use while they run, and what their metrics pages say. */
import { readFileSync } from 'node:fs';
import type { GatewayNode } from '../../bench/cluster/gateway-node.ts';

const periodMs = 500;
const answerMsMax = 5000;

export class NodeWatch {
  readonly #nodes: readonly GatewayNode[];
  readonly #peaks: number[];
  readonly #timer: NodeJS.Timeout;

  constructor(nodes: readonly GatewayNode[]) {
    this.#nodes = nodes;
    this.#peaks = nodes.map(() => 0);
    this.#timer = setInterval(() => this.look(), periodMs);
  }

  /** Largest resident memory of each node so far, in bytes; 0 where the system does not tell. */
  get peaks(): readonly number[] {
    return this.#peaks;
  }

  look(): void {
    for (const [index, { pid, process: member }] of this.#nodes.entries()) {
      if (member.isRunning) this.#peaks[index] = Math.max(this.#peaks[index] ?? 0, peakOf(pid));
    }
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    // It has just ended, or this is not Linux.
    return 0;
  }
}

/** The sums over all nodes of the counters whose names have this prefix, without their labels. */
export async function countersOf(
  nodes: readonly GatewayNode[],
  prefix: string,
): Promise<ReadonlyMap<string, number>> {
  const sums = new Map<string, number>();
  for (const { url } of nodes) {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(answerMsMax) });
    for (const line of (await response.text()).split('\n')) {
      const match = /^([a-z_]+)(\{[^}]*\})? ([\d.e+-]+)$/.exec(line);
      const [, name = '', labels = '', value = '0'] = match ?? [];
      if (!name.startsWith(prefix)) continue;
      const key = name.slice(prefix.length) + labels.replaceAll('"', '');
      sums.set(key, (sums.get(key) ?? 0) + Number(value));
    }
  }
  return sums;
}
