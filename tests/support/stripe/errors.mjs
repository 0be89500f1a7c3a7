// Stripe's errors: an HTTP status and `{error: {type, code, message, param}}`.

/** A request that Stripe would refuse. */
export class Refusal extends Error {
  constructor(status, type, message, { code, param, headers } = {}) {
    super(message);
    this.status = status;
    this.headers = headers ?? {};
    const documented = code && { code, doc_url: `https://stripe.com/docs/error-codes/${code.replaceAll("_", "-")}` };
    this.body = { error: { ...documented, message, ...(param !== undefined && { param }), type } };
  }
}

export const invalid = (message, { status = 400, ...more } = {}) => new Refusal(status, "invalid_request_error", message, more);

export const missing = (param) => invalid(`Missing required param: ${param}.`, { code: "parameter_missing", param });

export const unknown = (param) => invalid(`Received unknown parameter: ${param}`, { code: "parameter_unknown", param });

/** An unknown object in the path gives 404, one in a parameter 400. */
export const noSuch = (kind, id, { param = "id", status = param === "id" ? 404 : 400 } = {}) =>
  invalid(`No such ${kind}: '${id}'`, { code: "resource_missing", param, status });

export const rateLimited = () =>
  new Refusal(
    429,
    "invalid_request_error",
    "Request rate limit exceeded. Learn more about rate limits here https://stripe.com/docs/rate-limits.",
    {
      code: "rate_limit",
    },
  );

export const failed = (status = 500) =>
  new Refusal(status, "api_error", "An unknown error occurred. If you have any questions, we can help at https://support.stripe.com/.", {
    // Stripe says so because its idempotency layer would only repeat the failure.
    headers: { "stripe-should-retry": "false" },
  });
