//! The smallest program with a reply: a task and a channel.

use tokio::sync::{mpsc, oneshot};

struct Add(u64, oneshot::Sender<u64>);

async fn sum(mut mailbox: mpsc::Receiver<Add>) {
    let mut sum = 0;
    while let Some(Add(number, reply)) = mailbox.recv().await {
        sum += number;
        let _ = reply.send(sum);
    }
}

#[tokio::main]
async fn main() {
    let (sender, mailbox) = mpsc::channel(64);
    tokio::spawn(sum(mailbox));
    let (reply, answer) = oneshot::channel();
    sender.send(Add(42, reply)).await.expect("a task");
    println!("{}", answer.await.expect("a reply"));
}
