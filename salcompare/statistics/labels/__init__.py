"""Which labels people use, whether actors differ in them, and whether workers agree."""
