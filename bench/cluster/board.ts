/** Shows the nodes of a cluster, a line each: in place on a terminal, else when something changes. */
import { sumMetric } from '../micro/metrics-page.ts';
import type { GatewayNode } from './gateway-node.ts';

const answerMsMax = 900;

export interface BoardOutput {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

export class Board {
  readonly #nodes: readonly GatewayNode[];
  readonly #output: BoardOutput;
  #shown: readonly string[] = [];

  constructor(nodes: readonly GatewayNode[], output: BoardOutput) {
    this.#nodes = nodes;
    this.#output = output;
  }

  /** Asks every node and shows what it says. */
  async refresh(): Promise<void> {
    const lines = await Promise.all(this.#nodes.map(lineOf));
    const before = this.#shown;
    this.#shown = lines;
    if (this.#output.isTTY === true) {
      // Up to the first line, then over each of them.
      const up = before.length > 0 ? `\u001b[${String(before.length)}A` : '';
      this.#output.write(up + lines.map((line) => `\u001b[2K${line}\n`).join(''));
      return;
    }
    const changed = lines.filter((line, index) => line !== before[index]);
    if (changed.length > 0) this.#output.write(`${changed.join('\n')}\n`);
  }

  /** Call it before other text is written: the lines on the terminal are then left as they are. */
  release(): void {
    if (this.#output.isTTY === true) this.#shown = [];
  }
}

async function lineOf(node: GatewayNode): Promise<string> {
  const { name, isRunning, pid } = node.process;
  if (!isRunning) return `  ${name}  ${node.url}  down`;
  const connections = await connectionsOf(node.url);
  const said = connections === undefined ? 'does not answer' : `connections ${String(connections)}`;
  return `  ${name}  ${node.url}  id ${node.nodeIds.join(' ')}  pid ${String(pid)}  ${said}`;
}

async function connectionsOf(url: string): Promise<number | undefined> {
  try {
    const response = await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(answerMsMax) });
    return sumMetric(await response.text(), 'trunkline_connections');
  } catch {
    // Stopped, or too busy: the line says that it does not answer.
    return undefined;
  }
}
