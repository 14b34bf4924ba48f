//! The smallest program with a reply: ractor.

use ractor::{Actor, ActorProcessingErr, ActorRef, RpcReplyPort, call};

enum Message {
    Add(u64, RpcReplyPort<u64>),
}

struct Sum;

impl Actor for Sum {
    type Msg = Message;
    type State = u64;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Message>, _: ()) -> Result<u64, ActorProcessingErr> {
        Ok(0)
    }

    async fn handle(
        &self,
        _: ActorRef<Message>,
        Message::Add(number, reply): Message,
        sum: &mut u64,
    ) -> Result<(), ActorProcessingErr> {
        *sum += number;
        reply.send(*sum)?;
        Ok(())
    }
}

#[tokio::main]
async fn main() {
    let (sum, _) = Actor::spawn(None, Sum, ()).await.expect("an actor");
    println!("{}", call!(sum, Message::Add, 42).expect("a reply"));
}
