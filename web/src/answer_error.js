/** What went wrong, in a sentence for people. `kind`: "http", "network", "not-recorded". `next`: what to do, or null. */
export class AnswerError extends Error {
  constructor(sentence, { kind = "http", status = 0, next = null } = {}) {
    super(sentence);
    this.kind = kind;
    this.status = status;
    this.next = next;
  }
}
