/** Churn: connections come, stay for two seconds and go, while the members of a group get messages. */
import { Counter } from 'k6/metrics';
import { setTimeout } from 'k6/timers';
import { publishOnSocket } from './lib/publish-on-socket.ts';
import { openSocket, receiveMessages } from './lib/receive.ts';
import { nowMs, optionsOf, readPlan } from './lib/run.ts';

const plan = readPlan();
const stayMs = 2000;
const connected = new Counter('churn_connected');
const unconnected = new Counter('churn_unconnected');

export const options = optionsOf(plan, { churn: { vus: 1, exec: 'churn' } });

export function receive(): void {
  receiveMessages(plan);
}

export function publish(): void {
  publishOnSocket(plan);
}

export function churn(): void {
  const { urls, perSecond } = plan.churn ?? { urls: [], perSecond: 1 };
  const { publishFromMs, windowUntilMs } = plan.schedule;
  let count = 0;
  const step = (): void => {
    const dueMs = publishFromMs + (count * 1000) / perSecond;
    if (dueMs >= windowUntilMs) return;
    if (dueMs > nowMs()) {
      setTimeout(step, dueMs - nowMs());
      return;
    }
    visit(urls[count % urls.length] ?? '');
    count++;
    setTimeout(step, 0);
  };
  step();
}

function visit(url: string): void {
  const socket = openSocket(url, plan.subprotocol);
  let isConnected = false;
  socket.onmessage = () => {
    if (isConnected) return;
    isConnected = true;
    connected.add(1);
  };
  setTimeout(() => {
    if (!isConnected) unconnected.add(1);
    socket.close();
  }, stayMs);
}
