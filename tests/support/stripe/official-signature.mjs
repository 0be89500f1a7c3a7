// Signs a webhook's body with Stripe's own library, for tests that are not written in JavaScript.
// Reads {"payload", "secret", "timestamp"} from stdin, prints the value of Stripe-Signature.
import { text } from "node:stream/consumers";
import Stripe from "stripe";

const { payload, secret, timestamp } = JSON.parse(await text(process.stdin));
console.log(Stripe.webhooks.generateTestHeaderString({ payload, secret, timestamp }));
