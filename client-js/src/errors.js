// How a question to the cluster can fail: the kinds and codes of the C++ client
// (docs/reference/errors.md).

/** The base of all. `code` is stable, for programs; the message is for people. */
export class ClientError extends Error {
  sent = false;
  agreement = { agreed: [], differed: [], silent: [] };
  constructor(code, message, more) {
    super(message);
    this.code = code;
    Object.assign(this, more);
  }
}
export class ApplicationError extends ClientError {
  name = "ApplicationError";
  kind = "application";
}
export class NoQuorum extends ClientError {
  name = "NoQuorum";
  kind = "no_quorum";
}
export class OutcomeUnknown extends ClientError {
  name = "OutcomeUnknown";
  kind = "outcome_unknown";
}
export class Refused extends ClientError {
  name = "Refused";
  kind = "refused";
}
export class Aborted extends ClientError {
  name = "AbortError";
  kind = "aborted";
}
export class Usage extends ClientError {
  name = "Usage";
  kind = "usage";
}

export function misuse(message, code = "usage") {
  throw new Usage(code, message);
}

/** Of an outcome of type "error": an answer. */
export const applicationError = ({ code, message, procedure, statement }, agreement) =>
  new ApplicationError(code, message, { procedure, statement, sent: true, agreement });
