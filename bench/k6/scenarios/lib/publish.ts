/** A publishing VU: an open model. Message n is due at start + n / rate, whatever the gateway does. */
import { Counter } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import type { MessageData, Plan, Target } from '../../plan.ts';
import { markWindow, nowMs, report, reportSamples, vuNumber } from './run.ts';

const published = new Counter('published');
const expected = new Counter('expected');
const refused = new Counter('refused');

/** Sends one message. `onRefused` may be called later: the message is then not expected. */
export type Send = (target: Target, data: MessageData, onRefused: () => void) => void;

export interface Publisher {
  readonly send: Send;
  /** Called when everything has been sent and answers had their time. Returns sockets lost. */
  readonly close: () => number;
}

/** Runs until the end of the schedule. */
export function publishMessages(plan: Plan, publisher: Publisher): void {
  const { schedule, publishers, targets, rate } = plan;
  const { publishFromMs, windowFromMs, windowUntilMs, endMs } = schedule;
  const who = vuNumber();
  const latenessUs: number[] = [];
  let publishedCount = 0;
  let expectedCount = 0;
  let refusedCount = 0;
  let n = who;
  const step = (): void => {
    for (;;) {
      const dueMs = publishFromMs + (n * 1000) / rate;
      if (dueMs >= windowUntilMs) return;
      const late = nowMs() - dueMs;
      if (late < 0) {
        setTimeout(step, -late);
        return;
      }
      const index = n % targets.length;
      const target = targets[index];
      if (target === undefined) return;
      if (dueMs >= windowFromMs) latenessUs.push(Math.round(late * 1000));
      publishedCount++;
      expectedCount += target.receivers;
      publisher.send(target, messageData(plan, n, dueMs), () => {
        refusedCount++;
        expectedCount -= target.receivers;
      });
      n += publishers.length;
    }
  };
  setTimeout(step, publishFromMs - nowMs());
  if (who === 0) markWindow(plan);
  setTimeout(() => {
    const lost = publisher.close();
    published.add(publishedCount);
    expected.add(expectedCount);
    refused.add(refusedCount);
    report({
      kind: 'publisher',
      published: publishedCount,
      expected: expectedCount,
      refused: refusedCount,
      lost,
    });
    reportSamples('lateness', latenessUs);
  }, endMs - nowMs());
}

function messageData(plan: Plan, n: number, dueMs: number): MessageData {
  const bare = { n, dueMs, target: n % plan.targets.length, padding: '' };
  const missing = plan.payloadBytes - JSON.stringify(bare).length;
  return missing > 0 ? { ...bare, padding: 'x'.repeat(missing) } : bare;
}
