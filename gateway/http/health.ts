/** Handlers for load balancers, orchestrators and monitoring; they need no token. */
import { empty, json, type Handler } from './call.ts';

/** The API answers: what the Azure SDKs ask. */
export const apiHealth: Handler = () => empty(200);

/** The process is alive; an orchestrator restarts it when this fails. */
export const alive: Handler = () => json(200, { status: 'alive' });

/** 503 while the node should get no new clients: the backplane is away, or the node drains. */
export const ready: Handler = (_, { readiness }) => {
  const { ready, reason } = readiness();
  return ready ? json(200, { status: 'ready' }) : json(503, { status: 'not ready', reason });
};

/** The metrics of this node. */
export const metricsText: Handler = async (_, { metrics }) => ({
  status: 200,
  headers: { 'content-type': metrics.contentType },
  body: await metrics.text(),
});
