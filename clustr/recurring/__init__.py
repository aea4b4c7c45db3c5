"""Standing orders: members tell ClustR once what to pay, and it is paid on time, once a period."""
