/** One pane: a user's connection, what the user can do with it, and the log of its frames. */
import { FrameLog } from './frame-log.js';

const subprotocol = 'json.webpubsub.azure.v1';
const apiVersion = '2024-12-01';
const reconnectMs = 1500;
const rememberedSendsMax = 1000;

export class Pane {
  #element;
  #hub;
  #sentAt;
  #log;
  #socket;
  #reconnectTimer;
  #ackId = 0;

  constructor(element, { user, other, hub, sentAt }) {
    this.#element = element;
    this.#hub = hub;
    this.#sentAt = sentAt;
    this.#log = new FrameLog(element);
    element.setAttribute('aria-label', `Client of ${user}`);
    this.#find('[name=user]').value = user;
    this.#find('[name=receiver]').value = other;
    this.#listen();
  }

  /** Connects as the user in the field, in place of the connection that there may be. */
  async connect() {
    this.disconnect();
    const user = this.#find('[name=user]').value.trim();
    const hub = this.#hub();
    this.#element.setAttribute('aria-label', `Client of ${user}`);
    this.#show('opening', 'connecting');
    try {
      const query = new URLSearchParams({ hub, user });
      const token = await mintToken(`/playground/token?${query}`);
      this.#open(hub, token);
    } catch (error) {
      this.#show('closed', error.message);
      this.#reconnectSoon();
    }
  }

  disconnect() {
    clearTimeout(this.#reconnectTimer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
    this.#show('closed', 'not connected');
  }

  #open(hub, token) {
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const path = `/client/hubs/${encodeURIComponent(hub)}`;
    const url = `${scheme}://${location.host}${path}?access_token=${token}`;
    const socket = new WebSocket(url, subprotocol);
    // A newer click may have opened another one meanwhile; only one belongs to the pane.
    this.#socket?.close(1000);
    this.#socket = socket;
    const ifCurrent = (handle) => (event) => {
      if (this.#socket === socket) handle(event);
    };
    socket.addEventListener(
      'message',
      ifCurrent(({ data }) => this.#receive(data)),
    );
    socket.addEventListener(
      'close',
      ifCurrent(({ code, reason }) => {
        this.#socket = undefined;
        this.#show('closed', `closed with ${code}${reason === '' ? '' : ` (${reason})`}`);
        this.#log.add('note', 'closed', `${code} ${reason}`, { code, reason });
        this.#reconnectSoon();
      }),
    );
  }

  #receive(data) {
    const frame = JSON.parse(data);
    if (frame.type === 'system' && frame.event === 'connected') {
      this.#show('open', 'connected');
      this.#find('.connection').textContent = frame.connectionId;
      this.#find('.connection').title = frame.connectionId;
    }
    const started = this.#sentAt.get(frame.data?.id);
    if (frame.type === 'message' && started !== undefined) {
      this.#find('.latency').textContent = `${(performance.now() - started).toFixed(1)} ms`;
    }
    this.#log.add('in', frame.type, summaryOf(frame), frame);
    if (frame.event === 'connected') this.#send({ type: 'joinGroup', group: this.#group() });
  }

  #send(frame) {
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      this.#log.add('note', 'not sent', 'not connected', frame);
      return;
    }
    this.#ackId += 1;
    const numbered = { ...frame, ackId: this.#ackId };
    this.#socket.send(JSON.stringify(numbered));
    this.#log.add('out', frame.type, summaryOf(frame), numbered);
  }

  async #sendToUser(receiver, data) {
    const hub = encodeURIComponent(this.#hub());
    const path = `/api/hubs/${hub}/users/${encodeURIComponent(receiver)}/:send`;
    try {
      const token = await mintToken(`/playground/server-token?${new URLSearchParams({ path })}`);
      this.#log.add('out', 'REST', `POST to user ${receiver}: ${data.text}`, { path, data });
      // The token is not part of the message's way.
      this.#sentAt.set(data.id, performance.now());
      const response = await fetch(`${path}?api-version=${apiVersion}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(data),
      });
      const answer = { status: response.status, body: await response.text() };
      this.#log.add('in', 'REST', `${response.status} ${response.statusText}`, answer);
    } catch (error) {
      this.#log.add('note', 'not sent', error.message, { path, data });
    }
  }

  /** A message that carries its own id, by which its way back is timed. */
  #message(text) {
    const data = { id: crypto.randomUUID(), text };
    this.#sentAt.set(data.id, performance.now());
    if (this.#sentAt.size > rememberedSendsMax)
      this.#sentAt.delete(this.#sentAt.keys().next().value);
    return data;
  }

  #listen() {
    const onSubmit = (form, handle) =>
      this.#find(form).addEventListener('submit', (event) => {
        event.preventDefault();
        handle(event);
      });
    onSubmit('.identity', () => (this.#socket === undefined ? this.connect() : this.disconnect()));
    onSubmit('.group', ({ submitter }) =>
      this.#send({ type: submitter?.value || 'joinGroup', group: this.#group() }),
    );
    onSubmit('.compose', () => {
      const text = this.#find('[name=text]');
      const data = this.#message(text.value);
      if (this.#isForUser())
        void this.#sendToUser(this.#find('[name=receiver]').value.trim(), data);
      else this.#send({ type: 'sendToGroup', group: this.#group(), dataType: 'json', data });
      text.value = '';
      text.focus();
    });
    this.#find('.target').addEventListener('change', () => {
      const isForUser = this.#isForUser();
      this.#find('.receiver').hidden = !isForUser;
      this.#find('[name=receiver]').disabled = !isForUser;
    });
  }

  #show(state, text) {
    this.#element.dataset.state = state;
    this.#find('.status').textContent = text;
    const button = this.#find('.connect');
    button.textContent = state === 'closed' ? 'Connect' : 'Disconnect';
    button.classList.toggle('primary', state === 'closed');
    this.#find('[name=user]').readOnly = state !== 'closed';
    if (state !== 'open') this.#find('.connection').textContent = '–';
  }

  #reconnectSoon() {
    clearTimeout(this.#reconnectTimer);
    this.#reconnectTimer = setTimeout(() => void this.connect(), reconnectMs);
  }

  #group() {
    return this.#find('[name=group]').value.trim();
  }

  #isForUser() {
    return this.#find('[name=kind]:checked').value === 'user';
  }

  #find(selector) {
    return this.#element.querySelector(selector);
  }
}

async function mintToken(url) {
  const response = await fetch(url, { method: 'POST' });
  const body = await response.json();
  if (!response.ok) throw new Error(body.message);
  return body.token;
}

/** The few words that tell one frame from the next. */
function summaryOf(frame) {
  switch (frame.type) {
    case 'system':
      return frame.event === 'connected' ? `connected as ${frame.userId}` : frame.message;
    case 'ack':
      return `#${frame.ackId} ${frame.success ? 'done' : `${frame.error?.name}: ${frame.error?.message}`}`;
    case 'message': {
      const origin =
        frame.from === 'group' ? `${frame.group} · ${frame.fromUserId ?? 'server'}` : 'server';
      return `${origin}: ${textOf(frame.data)}`;
    }
    case 'sendToGroup':
      return `${frame.group}: ${textOf(frame.data)}`;
    default:
      return frame.group ?? '';
  }
}

function textOf(data) {
  return data?.text ?? (typeof data === 'string' ? data : JSON.stringify(data));
}
