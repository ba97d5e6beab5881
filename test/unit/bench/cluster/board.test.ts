/** The lines that `npm run cluster` shows. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test, type TestContext } from 'node:test';
import { Board, type BoardNode } from '../../../../bench/cluster/board.ts';

interface TestNode extends BoardNode {
  readonly process: { name: string; isRunning: boolean; pid: number };
  /** What its metrics page says; undefined: something else. */
  connections: number | undefined;
}

/** A node with two workers, as far as its metrics page goes. */
async function startNode(t: TestContext): Promise<TestNode> {
  const node = { connections: 1, nodeIds: ['a', 'b'], url: '' };
  const server = createServer((_, response) => {
    const lines = [1, 2].map((worker) => {
      return `trunkline_connections{worker="${String(worker)}"} ${String(node.connections)}\n`;
    });
    response.end(lines.join(''));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  // A server that listens on TCP has an address of this form.
  const { port } = server.address() as AddressInfo;
  const process = { name: 'node 1', isRunning: true, pid: 7 };
  return Object.assign(node, { process, url: `http://127.0.0.1:${String(port)}` });
}

function output(isTTY: boolean) {
  const written: string[] = [];
  return { written, isTTY, columns: 30, write: (text: string) => written.push(text) };
}

describe('board', () => {
  test('board: without a terminal a line is written when it has changed', async (t) => {
    const node = await startNode(t);
    const out = output(false);
    const board = new Board([node], out);
    await board.refresh();
    await board.refresh();
    assert.deepEqual(out.written, [`  node 1  ${node.url}  pid 7  connections 2  id a b\n`]);
    node.connections = 4;
    await board.refresh();
    assert.match(out.written[1] ?? '', /connections 8 /);
    node.process.isRunning = false;
    await board.refresh();
    assert.equal(out.written[2], `  node 1  ${node.url}  down\n`);
  });

  test('board: on a terminal lines are written over, and none is wider than it', async (t) => {
    const out = output(true);
    const board = new Board([await startNode(t), await startNode(t)], out);
    await board.refresh();
    await board.refresh();
    const [first = '', second = ''] = out.written;
    assert.equal(second, `\u001b[2A${first}`);
    assert.ok(first.split('\n').every((line) => line.replace('\u001b[2K', '').length < 30));
    board.release();
    await board.refresh();
    assert.equal(out.written[2], first);
  });

  test('board: a node that does not answer is shown as such', async (t) => {
    const node = await startNode(t);
    const out = output(false);
    await new Board([{ ...node, url: 'http://127.0.0.1:1' }], out).refresh();
    assert.match(out.written[0] ?? '', /does not answer/);
  });
});
