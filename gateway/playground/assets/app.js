/** The playground's page: puts the panes on it and lets them share one hub. */
import { Pane } from './pane.js';

const template = document.querySelector('#pane-template');
const hub = document.querySelector('#hub');

/** When each message was sent, by its id: both panes run in this page and share its clock. */
const sentAt = new Map();

const panes = [
  ['anna', 'ben'],
  ['ben', 'anna'],
].map(([user, other], index) => {
  const element = template.content.firstElementChild.cloneNode(true);
  element.classList.add(index === 0 ? 'first' : 'second');
  document.querySelector('#panes').append(element);
  return new Pane(element, { user, other, hub: () => hub.value.trim(), sentAt });
});

hub.addEventListener('change', () => {
  for (const pane of panes) void pane.connect();
});

for (const pane of panes) void pane.connect();
