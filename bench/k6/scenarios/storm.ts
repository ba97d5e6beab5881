/** Connect storm: all sockets are opened at once; timed is the way to the first frame of each. */
import { Counter } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import { openSocket } from './lib/receive.ts';
import { markWindow, nowMs, optionsOf, readPlan, report, vuNumber } from './lib/run.ts';
import { Totals } from './lib/tally.ts';

const plan = readPlan();
const expected = new Counter('expected');

export const options = optionsOf(plan);

export function receive(): void {
  const { windowFromMs, endMs } = plan.schedule;
  const totals = new Totals();
  const sockets: ReturnType<typeof openSocket>[] = [];
  setTimeout(() => {
    for (const { urls } of plan.receivers[vuNumber()] ?? []) {
      const socket = openSocket(urls[0] ?? '', plan.subprotocol);
      socket.onmessage = () => {
        totals.delivered++;
        totals.samplesUs.push(Math.round((nowMs() - windowFromMs) * 1000));
        socket.onmessage = () => undefined;
      };
      sockets.push(socket);
    }
  }, windowFromMs - nowMs());
  setTimeout(() => {
    for (const socket of sockets) socket.close();
    totals.report(0);
  }, endMs - nowMs());
}

export function publish(): void {
  markWindow(plan);
  const count = plan.receivers.flat().length;
  setTimeout(() => {
    expected.add(count);
    report({ kind: 'publisher', published: 0, expected: count, refused: 0, lost: 0 });
  }, plan.schedule.endMs - nowMs());
}
