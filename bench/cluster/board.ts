/** Shows the nodes of a cluster, a line each: in place on a terminal, else when something changes. */
import { sumMetric } from '../micro/metrics-page.ts';

const answerMsMax = 900;

export interface BoardNode {
  readonly url: string;
  readonly nodeIds: readonly string[];
  readonly process: { readonly name: string; readonly isRunning: boolean; readonly pid: number };
}

export interface BoardOutput {
  readonly isTTY?: boolean;
  /** Width of the terminal. */
  readonly columns?: number;
  write(text: string): unknown;
}

export class Board {
  readonly #nodes: readonly BoardNode[];
  readonly #output: BoardOutput;
  #shown: readonly string[] = [];

  constructor(nodes: readonly BoardNode[], output: BoardOutput) {
    this.#nodes = nodes;
    this.#output = output;
  }

  /** Asks every node and shows what it says. */
  async refresh(): Promise<void> {
    const lines = await Promise.all(this.#nodes.map(lineOf));
    const before = this.#shown;
    this.#shown = lines;
    if (this.#output.isTTY === true) {
      // Up to the first line, then over each of them; one that wraps would count as two.
      const up = before.length > 0 ? `\u001b[${String(before.length)}A` : '';
      const width = this.#output.columns ?? 80;
      const shown = lines.map((line) => `\u001b[2K${line.slice(0, width - 1)}\n`);
      this.#output.write(up + shown.join(''));
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

async function lineOf(node: BoardNode): Promise<string> {
  const { name, isRunning, pid } = node.process;
  if (!isRunning) return `  ${name}  ${node.url}  down`;
  const connections = await connectionsOf(node.url);
  const said = connections === undefined ? 'does not answer' : `connections ${String(connections)}`;
  return `  ${name}  ${node.url}  pid ${String(pid)}  ${said}  id ${node.nodeIds.join(' ')}`;
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
