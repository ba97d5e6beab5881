/** The list of frames of one pane: newest last, followed while the reader is at the end. */
const rowsMax = 300;
const spoken = { in: 'received', out: 'sent', note: 'note' };

export class FrameLog {
  #list;
  #count;
  #total = 0;

  constructor(pane) {
    this.#list = pane.querySelector('.log');
    this.#count = pane.querySelector('.count');
    this.#list.setAttribute('aria-label', 'Frames');
    pane.querySelector('.clear').addEventListener('click', () => this.#clear());
  }

  /** `direction`: in, out, or note for what happened to the connection itself. */
  add(direction, type, brief, value) {
    const isAtEnd = this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 40;
    const row = document.querySelector('#frame-template').content.firstElementChild.cloneNode(true);
    row.dataset.direction = direction;
    row.dataset.failed = String(value?.success === false || value?.status >= 400);
    row.querySelector('.spoken').textContent = spoken[direction];
    row.querySelector('time').textContent = timeOfDay(new Date());
    row.querySelector('.type').textContent = type;
    row.querySelector('.brief').textContent = brief;
    row.querySelector('pre').textContent = JSON.stringify(value, undefined, 2);
    row.querySelector('details').addEventListener('toggle', () => this.#showWhole(row));
    this.#list.append(row);
    if (this.#list.childElementCount > rowsMax) this.#list.firstElementChild.remove();
    this.#total += 1;
    this.#count.textContent = String(this.#total);
    if (isAtEnd) this.#list.scrollTop = this.#list.scrollHeight;
  }

  /** Scrolls the list, and not the page, so far that an opened frame is seen from its beginning. */
  #showWhole(row) {
    const list = this.#list.getBoundingClientRect();
    const { top, bottom } = row.getBoundingClientRect();
    if (bottom > list.bottom)
      this.#list.scrollTop += Math.min(bottom - list.bottom, top - list.top);
  }

  #clear() {
    this.#list.replaceChildren();
    this.#total = 0;
    this.#count.textContent = '0';
  }
}

function timeOfDay(date) {
  const part = (value, width = 2) => String(value).padStart(width, '0');
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((each) => part(each));
  return `${clock.join(':')}.${part(date.getMilliseconds(), 3)}`;
}
