/** Bytes that are neither HTTP nor WebSocket: cut or refused, by the thousand, and no harm done. */
import assert from 'node:assert/strict';
import { connect as connectTcp } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { GatewayProcess } from '../support/gateway-process.ts';
import { SeededRandom } from '../support/seeded-random.ts';
import { withDeadline } from '../support/wait.ts';
import {
  assertMemoryReturns,
  assertServes,
  clientUrlOf,
  inParallel,
  jsonSubprotocol,
  smallHeap,
} from './fault-fixtures.ts';

let gateway: GatewayProcess;
before(async () => {
  const settings = { UPGRADES_PER_SECOND_MAX: 100_000, REQUEST_TIMEOUT_MS: 1000 };
  gateway = await GatewayProcess.start(settings, smallHeap);
});
after(() => gateway.run.kill());

/**
 * Writes the pieces, each behind the answer to the one before, ends its side, and resolves with
 * all that came back once the gateway closed.
 */
async function speak(...pieces: readonly (string | Uint8Array)[]): Promise<string> {
  const socket = connectTcp({ port: gateway.port, host: '127.0.0.1' });
  let heard = '';
  let spoken = 0;
  const next = (): void => {
    const piece = pieces[spoken];
    spoken += 1;
    if (piece === undefined) return;
    if (spoken === pieces.length) socket.end(piece);
    else socket.write(piece);
  };
  socket.on('connect', next);
  socket.on('data', (data) => {
    heard += data.toString('latin1');
    next();
  });
  // A reset is one way of being refused.
  socket.on('error', () => undefined);
  const closed = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(heard));
  });
  try {
    return await withDeadline(closed, { what: 'the gateway closes the connection' });
  } finally {
    socket.destroy();
  }
}

function handshake(): string {
  const { host, pathname, search } = new URL(clientUrlOf(gateway).replace(/^ws/, 'http'));
  return [
    `GET ${pathname}${search} HTTP/1.1`,
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    `Sec-WebSocket-Protocol: ${jsonSubprotocol}`,
    '\r\n',
  ].join('\r\n');
}

/** One WebSocket frame as a client sends it, unless told otherwise. */
function webSocketFrame(
  firstByte: number,
  payload: Uint8Array,
  options: { readonly isMasked?: boolean; readonly saysLength?: number } = {},
): Buffer {
  const { isMasked = true, saysLength = payload.length } = options;
  assert.ok(saysLength < 126);
  const head = Buffer.of(firstByte, (isMasked ? 0x80 : 0) | saysLength);
  return Buffer.concat([head, isMasked ? Buffer.alloc(4) : Buffer.alloc(0), payload]);
}

const malformedHttp = [
  '\r\n\r\n\r\n',
  'GET\r\n\r\n',
  'GET / HTTP/9.9\r\n\r\n',
  'GET / HTTP/1.1\r\n\r\n',
  'GET / HTTP/1.1\r\nHost\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\n b: c\r\n\r\n',
  'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n',
  'POST /api/hubs/chat/:send HTTP/1.1\r\nHost: a\r\nContent-Length: 1e9\r\n\r\n',
  'POST /api/hubs/chat/:send HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef',
  'POST /api/hubs/chat/:send HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n',
  'POST /api/hubs/chat/:send HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
  'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc',
  `GET /${'a'.repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`,
  `GET / HTTP/1.1\r\nHost: a\r\n${'x: y\r\n'.repeat(500)}\r\n`,
  'GET /\u0000 HTTP/1.1\r\nHost: a\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  'CONNECT evil:443 HTTP/1.1\r\nHost: a\r\n\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000',
  'GET /client/hubs/chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
  'GET /client/hubs/chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Key: short\r\n\r\n',
];

const text = Buffer.from('{"type":"ping"}');
const brokenFrames: readonly [name: string, bytes: Uint8Array][] = [
  ['an opcode that is none', webSocketFrame(0x83, text)],
  ['a reserved bit', webSocketFrame(0xc1, text)],
  ['no mask', webSocketFrame(0x81, text, { isMasked: false })],
  ['a continuation of nothing', webSocketFrame(0x80, text)],
  ['a fragmented ping', webSocketFrame(0x09, text)],
  ['a length of 2^63', Buffer.concat([Buffer.of(0x81, 0xff, 0x80), Buffer.alloc(20)])],
  ['text that is no UTF-8', webSocketFrame(0x81, Buffer.of(0xff, 0xff))],
  ['a close with half a code', webSocketFrame(0x88, Buffer.of(3))],
  ['a close with a reason that is no UTF-8', webSocketFrame(0x88, Buffer.of(3, 0xe8, 0xff))],
  ['half a frame', webSocketFrame(0x81, text.subarray(0, 5), { saysLength: 100 })],
];

describe('bad bytes', () => {
  for (const [index, request] of malformedHttp.entries()) {
    test(`HTTP ${index} ${JSON.stringify(request.slice(0, 40))}: refused or cut`, async () => {
      const heard = await speak(request);
      for (const [, status] of heard.matchAll(/^HTTP\/1\.1 (\d+)/gm)) {
        assert.ok(Number(status) >= 400, heard);
      }
    });
  }

  for (const [name, bytes] of brokenFrames) {
    test(`WebSocket: ${name} ends the connection, unheard`, async () => {
      const heard = await speak(handshake(), bytes);
      assert.match(heard, /^HTTP\/1\.1 101 /);
      assert.doesNotMatch(heard, /"pong"/);
    });
  }

  test('bad bytes by the thousand: the process lives, serves, and its memory returns', async (t) => {
    const random = new SeededRandom(7);
    const noise = (length: number): Buffer =>
      Buffer.from(Array.from({ length }, () => random.below(256)));
    await assertMemoryReturns(gateway, () =>
      inParallel(600, 20, async (index) => {
        const request = malformedHttp[index % malformedHttp.length] ?? '';
        const [, frame] = brokenFrames[index % brokenFrames.length] ?? ['', text];
        if (index % 4 === 0) await speak(noise(1 + random.below(400)));
        else if (index % 4 === 1) await speak(request);
        else if (index % 4 === 2) await speak(handshake(), frame);
        else await speak(handshake(), noise(1 + random.below(400)));
      }),
    );
    await assertServes(t, gateway);
  });
});
