// Hands one message, as JSON, to the send_email binding. An error names its code, if it has one.
export async function mail_send(binding, message) {
  try {
    await binding.send(JSON.parse(message));
  } catch (error) {
    throw new Error([error?.code, error?.message ?? String(error)].filter(Boolean).join(": "));
  }
}
