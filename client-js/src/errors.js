// How a question to the cluster can fail: the kinds and codes of the C++ client
// (docs/reference/errors.md).

export const nobody = Object.freeze({ agreed: [], differed: [], silent: [] });

/** The base of all. `code` is stable, for programs; the message is for people. */
export class ClientError extends Error {
  constructor(kind, code, message, { sent = false, agreement = nobody, cause } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = "ClientError";
    this.kind = kind;
    this.code = code;
    this.sent = sent;
    this.agreement = agreement;
  }
}

export class ApplicationError extends ClientError {
  constructor({ code, message, procedure, statement }, agreement) {
    super("application", code, message, { sent: true, agreement });
    this.name = "ApplicationError";
    this.procedure = procedure;
    this.statement = statement;
  }
}
export class NoQuorum extends ClientError {
  constructor(message, more) {
    super("no_quorum", "no_quorum", message, more);
    this.name = "NoQuorum";
  }
}
export class OutcomeUnknown extends ClientError {
  constructor(code, message, more) {
    super("outcome_unknown", code, message, { sent: true, ...more });
    this.name = "OutcomeUnknown";
  }
}
export class Refused extends ClientError {
  constructor(code, message, more) {
    super("refused", code, message, more);
    this.name = "Refused";
  }
}
export class Aborted extends ClientError {
  constructor(reason, sent) {
    super("aborted", "aborted", "the caller gave up" + (sent ? "; it may still run, once" : ""),
          { sent, cause: reason });
    this.name = "AbortError";
  }
}
export class Usage extends ClientError {
  constructor(message, code = "usage", more = {}) {
    super("usage", code, message, more);
    this.name = "Usage";
  }
}
